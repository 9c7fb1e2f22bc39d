"""Tests of what became of customers beside the held-out."""
