"""Usage on its way in: formats are read, and many callers share a commit."""
