"""Probabilities from rows of named columns: a ladder of classifiers from a plain rate to boosted trees, under one contract."""
