"""What is in an order: items by the member's taste, habits and care for prices, and the companions that truly go with them.

One line an item and basket; the price is the product's, in minor units; nothing is bought before it came to the shop.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from training.simulate.assortment import CATEGORIES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.assortment import Pairs, Products
    from training.simulate.behaviour import Moments
    from training.simulate.population import Population

_MORE_ITEMS: Final = 1.2  # on average, after the first
_HABIT: Final = 0.8  # standard deviation of the logarithm of a member's own liking of an item
_CHUNK_CELLS: Final = 4_000_000  # members x products held at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchases:
    """One entry a line, in order of time. `customer` and `item` are places; `basket` is a number that its lines share."""

    customer: NDArray[np.int64]
    item: NDArray[np.int64]
    basket: NDArray[np.int64]
    at_us: NDArray[np.int64]
    quantity: NDArray[np.int64]
    unit_price_minor: NDArray[np.int64]

    @property
    def amount_minor(self) -> NDArray[np.int64]:
        """Quantity x price of each line, in whole minor units."""
        return self.quantity * self.unit_price_minor


def fill(orders: Moments, people: Population, products: Products, pairs: Pairs, rng: np.random.Generator) -> Purchases:
    """The lines of all orders; an order's basket is its place among the orders. An order of which nothing was yet for sale has none."""
    basket = np.repeat(np.arange(len(orders.at_us)), 1 + rng.poisson(_MORE_ITEMS, len(orders.at_us)))
    item = _choose(orders.customer[basket], people, products, rng)
    more_basket, more_item = _companions(basket, item, pairs, rng)
    lines = np.unique(np.stack([np.append(basket, more_basket), np.append(item, more_item)]), axis=1)
    basket, item = lines[0], lines[1]
    for_sale = products.added_us[item] <= orders.at_us[basket]
    basket, item = basket[for_sale], item[for_sale]
    chance = rng.random(len(item))
    return Purchases(
        customer=orders.customer[basket],
        item=item,
        basket=basket,
        at_us=orders.at_us[basket],
        quantity=1 + (chance < 0.15).astype(np.int64) + (chance < 0.03),
        unit_price_minor=products.price_minor[item],
    )


def item_chances(
    people: Population, products: Products, members: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """The chance of each product at each pick of some members: shape (members, products), rows adding up to 1.

    Taste shares the picks among categories; within one, appeal, price (dearer is rarer as the member cares) and habit share them on.
    """
    care = people.price_sensitivity[members]
    habit = rng.normal(0, _HABIT, (len(members), len(products)))
    weight = products.appeal * np.exp(habit - care[:, None] * _dearness(products))
    for place in range(len(CATEGORIES)):
        mine = products.category == place
        inside = weight[:, mine]
        weight[:, mine] = inside / inside.sum(axis=1, keepdims=True) * people.taste[members, place][:, None]
    chances: NDArray[np.float64] = weight / weight.sum(axis=1, keepdims=True)
    return chances


def _dearness(products: Products) -> NDArray[np.float64]:
    """Logarithm of the price, standardised within the category."""
    dear = np.log(products.price_minor.astype(np.float64))
    for place in range(len(CATEGORIES)):
        mine = products.category == place
        dear[mine] = (dear[mine] - dear[mine].mean()) / max(dear[mine].std(), 1e-9)
    return dear


def _choose(
    customer: NDArray[np.int64], people: Population, products: Products, rng: np.random.Generator
) -> NDArray[np.int64]:
    """An item for each pick, by inverting the member's cumulative chances; members are taken in chunks that fit in memory."""
    item = np.empty(len(customer), dtype=np.int64)
    order = np.argsort(customer, kind="stable")
    step = max(1, _CHUNK_CELLS // len(products))
    for first in range(0, len(people), step):
        members = np.arange(first, min(first + step, len(people)))
        low, high = np.searchsorted(customer[order], [first, first + step])
        picks = order[low:high]
        row = customer[picks] - first
        ladder = np.cumsum(item_chances(people, products, members, rng), axis=1)
        ladder[:, -1] = 1.0
        flat = (ladder + np.arange(len(members))[:, None]).ravel()
        found = np.searchsorted(flat, row + rng.random(len(picks)), side="right") - row * len(products)
        item[picks] = np.clip(found, 0, len(products) - 1)
    return item


def _companions(
    basket: NDArray[np.int64], item: NDArray[np.int64], pairs: Pairs, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The lines that pairs add to baskets with their anchor."""
    place = np.full(int(max(item.max(initial=0), pairs.anchor.max())) + 1, -1)
    place[pairs.anchor] = np.arange(len(pairs.anchor))
    pair = place[item]
    joins = (pair >= 0) & (rng.random(len(item)) < pairs.chance[pair])
    return basket[joins], pairs.companion[pair[joins]]
