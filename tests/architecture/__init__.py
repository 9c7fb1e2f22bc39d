"""The house rules that no linter on the shelf knows, run as tests and by `make check`."""
