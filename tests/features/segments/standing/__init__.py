"""Tests of `features.segments.standing`."""
