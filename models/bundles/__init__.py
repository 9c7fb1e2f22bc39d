"""Which products belong together in one basket, and at what price the set may be sold."""
