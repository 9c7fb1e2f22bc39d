"""One file of routes per context."""
