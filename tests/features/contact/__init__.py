"""Tests of `features.contact`."""
