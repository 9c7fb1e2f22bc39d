"""A shop with a simulated truth: customers of a few tastes, popularity that is skewed, and one item that comes into fashion."""

from __future__ import annotations

import numpy as np

from models.recommender.interactions import DAY_US, Interactions

SHOP_DAYS = 120
SHOP_END_US = SHOP_DAYS * DAY_US


def simulated_shop(customers: int = 300, *, items: int = 60, tastes: int = 4, seed: int = 0) -> Interactions:
    """About six baskets a customer of about four lines, nine in ten lines within the customer's taste."""
    rng = np.random.default_rng(seed)
    appeal = 1.0 / np.arange(1, items + 1) ** 0.5
    columns: tuple[list[str], list[str], list[int], list[str]] = ([], [], [], [])
    for customer in range(customers):
        inside = np.arange(items) % tastes == customer % tastes
        chance = np.where(inside, 0.9, 0.1) * appeal
        for visit in range(1 + rng.poisson(5)):
            at_us = int(rng.integers(0, SHOP_END_US))
            for item in rng.choice(items, size=1 + rng.poisson(3), p=chance / chance.sum()):
                columns[0].append(f"c{customer}")
                columns[1].append(f"i{item}")
                columns[2].append(at_us)
                columns[3].append(f"c{customer}-{visit}")
    return Interactions.from_columns(columns[0], columns[1], columns[2], columns[3])
