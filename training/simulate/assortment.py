"""What the shop sells: products in four categories with prices and costs in minor units, and which pairs truly go together.

A pair is an anchor and a companion: whoever puts the anchor in a basket adds the companion with the pair's chance, whatever their taste.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from billing.kernel.money import exponent
from training.simulate.spec import DAY_US

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.simulate.spec import ShopSpec

CATEGORIES: Final = ("coffee", "tea", "gear", "treats")
_SHARES: Final = (0.35, 0.25, 0.25, 0.15)
_PRICE_CENTS: Final = ((690, 1490), (450, 1290), (900, 6900), (250, 690))  # of the first variant: lowest, highest
_STEMS: Final = (
    """Ethiopia Yirgacheffe|Colombia Huila|Kenya Nyeri|Guatemala Antigua|Brazil Cerrado|Sumatra Mandheling|House espresso
    |Decaf Peru|Rwanda Kivu|Costa Rica Tarrazu|Breakfast blend""",
    "Sencha|Gyokuro|Darjeeling|Assam|Earl Grey|Oolong|Rooibos|Matcha|Jasmine|Peppermint",
    """Pour-over dripper|Paper filters|Hand grinder|Gooseneck kettle|Scale|Milk jug|French press|Tamper|Tea pot
    |Bamboo whisk|Thermos|Cup set""",
    "Dark chocolate|Almond biscotti|Shortbread|Caramel waffles|Oat cookies|Honey|Marzipan",
)
_VARIANTS: Final = (
    (("beans 250 g", 100), ("beans 1 kg", 350), ("ground 250 g", 105), ("capsules", 80)),
    (("loose 100 g", 100), ("25 bags", 70), ("gift tin", 180)),
    (("classic", 100), ("large", 140), ("travel", 85)),
    (("single", 100), ("box of six", 520), ("family pack", 280)),
)  # with the price in hundredths of the first
_LATE_SHARE: Final = 0.1  # of the products, those that come to the shop after it opened
_PAIRS_PER_PRODUCT: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Products:
    """One entry a product. `category` is a place in `CATEGORIES`; `appeal` is how well it sells within its category, 1 at best."""

    key: tuple[str, ...]
    name: tuple[str, ...]
    category: NDArray[np.int64]
    price_minor: NDArray[np.int64]
    cost_minor: NDArray[np.int64]
    added_us: NDArray[np.int64]
    appeal: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True)
class Pairs:
    """True complements, one entry a pair: places in `Products`, and the chance that the companion joins the anchor."""

    anchor: NDArray[np.int64]
    companion: NDArray[np.int64]
    chance: NDArray[np.float64]


def stock(spec: ShopSpec, rng: np.random.Generator) -> tuple[Products, Pairs]:
    """The products of a shop and the pairs among them."""
    category = _categories(spec.n_products)
    kinds = [_Kind.of(place, number) for place, number in _numbered(category)]
    price = _prices(kinds, spec.currency, rng)
    late = rng.random(spec.n_products) < _LATE_SHARE
    launched = spec.start_us + (rng.uniform(0.1, 0.8, spec.n_products) * spec.days).astype(np.int64) * DAY_US
    products = Products(
        key=tuple(f"{CATEGORIES[place]}-{number + 1:03d}" for place, number in _numbered(category)),
        name=tuple(kind.name for kind in kinds),
        category=category,
        price_minor=price,
        cost_minor=np.maximum(1, price * rng.integers(40, 70, spec.n_products) // 100),
        added_us=np.where(late, launched, spec.start_us),
        appeal=_appeal(category, rng),
    )
    return products, _pairs(products, late, rng)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a product is called, whose price it shares (category, stem), and its price in hundredths of the stem's."""

    name: str
    stem: tuple[int, int]
    hundredths: int

    @classmethod
    def of(cls, category: int, number: int) -> _Kind:
        """The `number`-th product of a category: all stems in the first variant, then all in the second; then further editions."""
        stems, variants = _STEMS[category].split("|"), _VARIANTS[category]
        turn, stem = divmod(number, len(stems))
        edition, place = divmod(turn, len(variants))
        variant, hundredths = variants[place]
        name = f"{stems[stem].strip()}, {variant}"
        return cls(name if edition == 0 else f"{name}, edition {edition + 1}", (category, stem), hundredths)


def _categories(count: int) -> NDArray[np.int64]:
    ends = np.round(np.cumsum(_SHARES) * count).astype(np.int64)
    return np.searchsorted(ends, np.arange(count), side="right").astype(np.int64)


def _numbered(category: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Each product's category, and how many of that category stand before it."""
    first = np.searchsorted(category, np.arange(len(CATEGORIES)))
    return list(zip(category.tolist(), (np.arange(len(category)) - first[category]).tolist(), strict=True))


def _prices(kinds: list[_Kind], currency: str, rng: np.random.Generator) -> NDArray[np.int64]:
    """Prices that end in 0 or 5 cents, dearer stems rarer; in a currency of other digits, the like."""
    base: dict[tuple[int, int], int] = {}
    for kind in kinds:
        if kind.stem not in base:
            low, high = _PRICE_CENTS[kind.stem[0]]
            base[kind.stem] = int(low * (high / low) ** rng.random())
    cents = np.array([base[kind.stem] * kind.hundredths // 100 // 5 * 5 for kind in kinds], dtype=np.int64)
    minor: NDArray[np.int64] = np.maximum(1, cents * 10 ** exponent(currency) // 100)
    return minor


def _appeal(category: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    appeal = np.empty(len(category), dtype=np.float64)
    for place in range(len(CATEGORIES)):
        mine = np.flatnonzero(category == place)
        appeal[rng.permutation(mine)] = 1 / np.arange(1, len(mine) + 1) ** 0.7
    return appeal


def _pairs(products: Products, late: NDArray[np.bool_], rng: np.random.Generator) -> Pairs:
    """Anchors are products that sell, there from the start; companions are any others of another category."""
    count = max(1, round(len(products) * _PAIRS_PER_PRODUCT))
    by_appeal = np.argsort(-products.appeal, kind="stable")
    anchor = rng.permutation(by_appeal[~late[by_appeal]][: 3 * count])[:count]
    free = rng.permutation(np.setdiff1d(np.flatnonzero(~late), anchor)).tolist()
    companion = []
    for place in anchor.tolist():
        other = next((item for item in free if products.category[item] != products.category[place]), free[0])
        free.remove(other)
        companion.append(other)
    return Pairs(anchor, np.array(companion, dtype=np.int64), rng.uniform(0.25, 0.5, count))
