"""Makes a whole shop from its specification: products, members, purchases, usage, subscriptions, offers, and the truth behind them.

Times are int64 microseconds since 1970 in UTC, amounts whole minor units, and customers and items are places in their tables.
The same specification and seed give the same shop, to the byte.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from training.simulate.assortment import stock
from training.simulate.baskets import fill
from training.simulate.behaviour import draw_deliveries, draw_orders, draw_visits
from training.simulate.membership import live
from training.simulate.population import populate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.assortment import Pairs, Products
    from training.simulate.baskets import Purchases
    from training.simulate.behaviour import Moments
    from training.simulate.membership import Offers, SubscriptionEvents
    from training.simulate.population import Population
    from training.simulate.spec import ShopSpec

METERS: Final = ("deliveries", "visits")
_FIRST: Final = """Ada Ben Cleo Dara Emil Fay Gus Hana Ivo Jun Kaya Leo Mina Nils Ola Pia Quin Rosa Sami Tess Uma Vito Wren
Xenia Yara Zoe""".split()
_LAST: Final = """Adler Brandt Costa Dumas Eklund Fischer Garcia Haas Ito Jansen Keller Lopez Moreau Novak Olsen Petit
Rossi Silva Tanaka Urban Vogel Weber""".split()
_COUNTRIES: Final = ("DE", "FR", "NL", "ES", "IT")
_COUNTRY_SHARES: Final = (0.4, 0.2, 0.15, 0.15, 0.1)
_CONSENT: Final = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Customers:
    """One entry a member, as the shop knows them; who they truly are is in the truth."""

    key: tuple[str, ...]
    name: tuple[str, ...]
    email: tuple[str, ...]
    country: tuple[str, ...]
    marketing_consent: NDArray[np.bool_]
    joined_us: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvents:
    """One entry an event of quantity 1, in order of time; `meter` is a place in `METERS`."""

    customer: NDArray[np.int64]
    meter: NDArray[np.int64]
    at_us: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedShop:
    """What a shop would know, and (`truth`, `pairs`) what nobody could tell it."""

    spec: ShopSpec
    products: Products
    customers: Customers
    purchases: Purchases
    usage: UsageEvents
    subscriptions: SubscriptionEvents
    offers: Offers
    truth: Population
    pairs: Pairs


def simulate(spec: ShopSpec, rng: np.random.Generator | None = None) -> SimulatedShop:
    """The shop of a specification; `rng` stands in for the generator of its seed. Each part draws from a stream of its own."""
    streams = iter((rng or spec.rng()).spawn(8))
    products, pairs = stock(spec, next(streams))
    people = populate(spec, next(streams))
    orders = draw_orders(spec, people, next(streams))
    purchases = fill(orders, people, products, pairs, next(streams))
    deliveries = draw_deliveries(spec, people, orders, next(streams))
    visits = draw_visits(spec, people, next(streams))
    subscriptions, offers = live(spec, people, deliveries, next(streams))
    return SimulatedShop(
        spec=spec,
        products=products,
        customers=_introduce(people, next(streams)),
        purchases=purchases,
        usage=_usage(deliveries, visits),
        subscriptions=subscriptions,
        offers=offers,
        truth=people,
        pairs=pairs,
    )


def _introduce(people: Population, rng: np.random.Generator) -> Customers:
    count = len(people)
    width = max(5, len(str(count)))
    keys = tuple(f"c{number:0{width}d}" for number in range(1, count + 1))
    first, last = rng.integers(0, len(_FIRST), count).tolist(), rng.integers(0, len(_LAST), count).tolist()
    return Customers(
        key=keys,
        name=tuple(f"{_FIRST[i]} {_LAST[j]}" for i, j in zip(first, last, strict=True)),
        email=tuple(f"{key}@example.com" for key in keys),
        country=tuple(_COUNTRIES[i] for i in rng.choice(len(_COUNTRIES), count, p=_COUNTRY_SHARES).tolist()),
        marketing_consent=rng.random(count) < _CONSENT,
        joined_us=people.joined_us,
    )


def _usage(deliveries: Moments, visits: Moments) -> UsageEvents:
    customer = np.concatenate([deliveries.customer, visits.customer])
    at_us = np.concatenate([deliveries.at_us, visits.at_us])
    meter = np.repeat(np.arange(len(METERS)), [len(deliveries.at_us), len(visits.at_us)])
    order = np.lexsort((meter, customer, at_us))
    return UsageEvents(customer=customer[order], meter=meter[order], at_us=at_us[order])
