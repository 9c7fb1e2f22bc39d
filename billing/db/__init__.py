"""Rows and transactions: how everything above reaches SQLite or PostgreSQL, always inside one tenant's scope."""
