"""Who runs a shop on this installation: tenants, resellers above them, and the keys that speak for them."""
