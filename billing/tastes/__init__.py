"""What items are, and what customers declared they must have, never want, or like: facts that every list of items respects."""
