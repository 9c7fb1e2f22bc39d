"""A payment provider for tests and demonstrations, whose moods are the names of its payment methods."""
