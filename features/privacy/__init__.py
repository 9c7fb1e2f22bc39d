"""Erasing a customer: what each package holds of a person, and what of it is removed, made nameless, or kept and why."""
