"""Usage: events come in once each, and meters turn a period of them into a quantity."""
