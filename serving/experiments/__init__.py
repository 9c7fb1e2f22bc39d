"""Experiments at work: written down, started, looked at daily, reported on, and decided."""
