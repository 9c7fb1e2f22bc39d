"""Decisions about offers and what came of them: the record that holdouts, caps and attribution are read from."""
