"""Releases of models: every move of a champion with who and why, and the challenger that stands in the shadow."""
