"""The ledger: append-only double entry, where each business fact has one posting template and one natural key."""
