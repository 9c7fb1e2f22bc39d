"""Pricing: from a charge and a quantity to a line of money with its explanation; pure functions, no clock and no store."""
