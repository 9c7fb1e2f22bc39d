"""Tests of the next box."""
