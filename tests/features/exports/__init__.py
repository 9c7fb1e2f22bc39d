"""Tests of `features.exports`."""
