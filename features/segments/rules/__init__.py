"""Segments by rule: a small tree of conditions over what is known of a customer, and why somebody is in or out."""
