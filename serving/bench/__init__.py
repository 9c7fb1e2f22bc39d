"""Benchmarks of what answers requests; what they measure against are development dependencies."""
