"""A subscription shop made from a seed whose truth is known, so that one can ask whether what was learned is so."""
