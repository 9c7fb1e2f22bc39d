"""What was invoiced in advance and is earned day by day."""
