"""What is known of a customer, declared: one file per source, one entry per view; `features.catalog` lists them all."""
