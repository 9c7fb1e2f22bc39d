"""The demonstration shop: a membership club over a store of products, filled from simulated or real purchases."""
