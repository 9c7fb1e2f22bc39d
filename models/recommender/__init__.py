"""Which products a customer would want next: retrievers with one contract, a blend, one choke point, and what serving loads."""
