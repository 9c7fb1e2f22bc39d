"""One file an aggregation: how the events of a period become one quantity. Pure."""
