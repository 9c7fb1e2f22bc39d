"""What happens without a request: billing what falls due, for every tenant."""
