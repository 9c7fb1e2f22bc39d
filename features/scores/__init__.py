"""Scores that models gave customers, each with the model's version and the moment it speaks of."""
