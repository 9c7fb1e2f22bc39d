"""Experiments: who is in which arm, and what may be concluded from what followed."""
