"""The protocol for remote evaluation, without real clients (they are in tests/clients)."""
