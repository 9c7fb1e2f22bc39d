"""Products of the shop: they arrive in bulk with imports, and carry the price that bundles and the storefront show."""
