"""Watching models that serve: whether what they are asked about has moved, and whether what they promised came true."""
