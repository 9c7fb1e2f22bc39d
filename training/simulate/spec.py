"""What shop to make: how many customers and products, from when and for how many days, from which seed. Nothing else decides its data.

The plans are those of the demonstration catalogue: `starter` < `plus` < `pro` by rank, and the add-on `tasting_box`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.money import exponent

DAY_US: Final = 86_400_000_000
MONTH_US: Final = 30 * DAY_US  # a month of the simulation is thirty days, whatever the calendar says
PLANS: Final = ("starter", "plus", "pro")  # a plan's place is its rank
INCLUDED_DELIVERIES: Final = (
    4,
    12,
    30,
)  # a month, by rank; of pro, which has no limit, what its members would call plenty
ADDON: Final = "tasting_box"
FEWEST_PRODUCTS: Final = 20

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ShopSpecError(InvalidError):
    """No shop can be made to this specification."""

    code = "shop_spec"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopSpec:
    """A shop of `customers` members over `days` days from `start` (UTC); prices are in `currency` (ISO 4217)."""

    customers: int = 1000
    start: datetime = datetime(2025, 1, 1, tzinfo=UTC)
    days: int = 365
    seed: int = 0
    currency: str = "EUR"
    n_products: int = 120

    def __post_init__(self) -> None:
        exponent(self.currency)
        utc(self.start)
        if self.customers < 1 or self.days < 1 or self.seed < 0:
            raise ShopSpecError(
                "a shop has at least one customer and one day, and a seed of 0 or more",
                customers=self.customers,
                days=self.days,
                seed=self.seed,
            )
        if self.n_products < FEWEST_PRODUCTS:
            raise ShopSpecError(f"a shop has at least {FEWEST_PRODUCTS} products", n_products=self.n_products)

    @property
    def start_us(self) -> int:
        """The first moment, in microseconds since 1970."""
        return (self.start - _EPOCH) // timedelta(microseconds=1)

    @property
    def end_us(self) -> int:
        """The moment just after the last, in microseconds since 1970."""
        return self.start_us + self.days * DAY_US

    def rng(self) -> np.random.Generator:
        """The generator that the seed stands for."""
        return np.random.default_rng(self.seed)
