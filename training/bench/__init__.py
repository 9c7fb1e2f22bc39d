"""Benchmarks that anyone can run on a file of their own: our model beside honest baselines, with intervals."""
