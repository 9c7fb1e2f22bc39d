"""The truth benchmark on a small shop."""
