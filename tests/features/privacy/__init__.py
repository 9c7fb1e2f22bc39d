"""Tests of `features.privacy`."""
