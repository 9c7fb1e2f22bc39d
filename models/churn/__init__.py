"""Who is about to leave, with which probability and why."""
