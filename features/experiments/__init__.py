"""Experiments as they run: frozen plans, who was exposed to which arm, what it changed in the books, and what was decided."""
