"""Tests of what is concluded from sums."""
