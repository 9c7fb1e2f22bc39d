"""Tests of `serving.mail`."""
