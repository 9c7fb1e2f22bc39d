"""One rule a file: each says what it forbids, why, and where it does not apply."""
