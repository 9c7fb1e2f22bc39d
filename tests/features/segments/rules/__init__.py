"""Tests of `features.segments.rules`."""
