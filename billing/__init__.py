"""Money and access: who the customer is, what they own, may use and owe. Knows nothing of learning or HTTP."""
