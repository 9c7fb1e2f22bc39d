"""Tests of what offers brought."""
