"""What offers truly brought, from those who got them and those who were kept back; intervals that hold where the holdout is small. Pure."""
