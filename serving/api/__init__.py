"""The HTTP API: it parses, asks the core, and writes answers; it decides nothing itself."""
