"""The operator's pages: read-only, one file of routes a subject."""
