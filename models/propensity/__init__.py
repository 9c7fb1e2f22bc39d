"""Who is about to move to a higher plan, with which probability and why."""
