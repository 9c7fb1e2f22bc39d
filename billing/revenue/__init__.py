"""Revenue: when what was invoiced is earned, how what recurs moves, and whether the books are whole."""
