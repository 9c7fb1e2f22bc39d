"""Tests of `features.served`."""
