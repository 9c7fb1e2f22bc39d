"""Which version of a model serves: immutable versions, one champion a task, and the history of how it came to be."""
