"""The second stage: candidates of several retrievers, features as of a moment, and boosted trees that order them, with exact reasons."""
