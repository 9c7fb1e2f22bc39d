"""Bundles as they are sold: quoted at a price that holds for a while, taken as one line of an invoice, every part of it owned together."""
