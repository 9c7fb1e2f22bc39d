"""Which offer, if any, a customer should see now: signals, rules, suppression and choice, each pure and traced."""
