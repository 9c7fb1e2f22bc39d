"""Checks over live data that the books are whole; each check is one function with one line in `registry.py`."""
