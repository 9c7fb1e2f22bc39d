"""What customers did that an offer may answer, each raised once, and what holds offers back meanwhile."""
