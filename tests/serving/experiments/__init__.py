"""Experiments at work."""
