"""Behavioural clusters of customers: found by k-means, named for people, with ids that survive a refit."""
