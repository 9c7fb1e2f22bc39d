"""Segments: named groups of customers, who is in each, and handing them out under consent."""
