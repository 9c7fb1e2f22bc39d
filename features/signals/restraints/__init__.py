"""What holds offers back from a customer for a while: an open ticket, a cancellation that was begun."""
