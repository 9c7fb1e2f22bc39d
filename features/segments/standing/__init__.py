"""Where each customer stands in a way of dividing customers (a rule, RFM, the life cycle), since when, and who moved."""
