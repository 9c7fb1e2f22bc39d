"""What serving loads to offer bundles: immutable, asked with the prices of the moment, answered with reasons and the margin rule.

An anchor is what the bundle grows around: the one named by the caller, else what best continues the customer's history, else what most
baskets hold. An anchor that is blocked (owned, out of stock) still finds partners but is not sold with them. Invariants: no blocked or
unpriced item is in a bundle, one currency a bundle, and its parts sum to its total.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from billing.pricing.bundle import BundlePrice, DiscountPolicy, Part, price_bundle
from models.bundles.grow import GrowthLimits, Member, PartnerTable, grow
from models.recommender.archive import read_archive, write_archive
from models.recommender.choose import allowed_items, best_codes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from billing.kernel.money import Money
    from models.bundles.affinity import FittedAffinity
    from models.recommender.interactions import Codes, Flags, Floats, Longs, Texts

KIND = "bundles"
_HISTORY_LIMIT = 50
_VARIANTS = 3  # anchors tried for each bundle asked


@dataclass(frozen=True, slots=True)
class BundleReason:
    """Why an item is in: `kind` is "anchor", "popular", "because_you_bought" or "goes_with"; `fit` is its affinity to `with_item`."""

    kind: str
    item: str
    with_item: str | None
    fit: float


@dataclass(frozen=True, slots=True)
class Bundle:
    """Items with their prices, what they grew around, how well they fit, and why."""

    anchor: str
    items: tuple[str, ...]
    price: BundlePrice
    fit: float
    reasons: tuple[BundleReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleSnapshot:
    """Partner weights and substitutes by item code, and in how many baskets each item was."""

    items: Texts
    neighbours: Codes
    weights: NDArray[np.float32]
    substitutes: Codes
    baskets: Floats
    as_of_us: int
    content_sha256: str = ""
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _keys: Sequence[str] = field(init=False, repr=False, compare=False)
    _table: PartnerTable = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = self.items.tolist()
        object.__setattr__(self, "_keys", keys)
        object.__setattr__(self, "_index", {item: code for code, item in enumerate(keys)})
        object.__setattr__(self, "_table", PartnerTable(self.neighbours, self.weights, self.substitutes))

    @classmethod
    def of(cls, fitted: FittedAffinity, items: Texts, as_of_us: int) -> BundleSnapshot:
        """The snapshot of a fitted affinity over these items."""
        return cls(
            items=items,
            neighbours=fitted.weights.neighbours,
            weights=fitted.weights.weights.astype(np.float32),
            substitutes=fitted.substitutes,
            baskets=fitted.baskets,
            as_of_us=as_of_us,
        )

    def bundles(
        self,
        anchor: str | None,
        history: Sequence[tuple[str, int]],
        blocked: Collection[str],
        prices: Mapping[str, Money],
        k: int,
        *,
        costs: Mapping[str, Money] | None = None,
        limits: GrowthLimits | None = None,
        policy: DiscountPolicy | None = None,
    ) -> tuple[Bundle, ...]:
        """Up to k bundles of at least two items, best fit first; the partners of one never come again in the next.

        `history` holds (item, time); an anchor the snapshot does not know has no bundles, and neither has a shop without prices.
        """
        if anchor is not None and anchor not in self._index:
            return ()
        allowed, price_minor = self._sellable(blocked, prices, anchor)
        chosen = limits or GrowthLimits()
        found: list[Bundle] = []
        for code, reason in self._anchors(anchor, history, allowed, k):
            sold = bool(allowed[code])
            members = grow(self._table, code, allowed, price_minor, chosen, anchor_sold=sold)
            if len(members) + sold < 2:
                continue
            found.append(self._bundle(reason, members, prices, costs or {}, policy, sold=sold))
            if len(found) == k:
                break
            allowed[[member.code for member in members]] = False
        return tuple(sorted(found, key=lambda bundle: -bundle.fit))

    def save(self, folder: Path) -> str:
        """Writes the snapshot as a new folder and returns its content hash."""
        arrays = {name: getattr(self, name) for name in _ARRAYS}
        return write_archive(folder, kind=KIND, arrays=arrays, document={"as_of_us": self.as_of_us})

    @classmethod
    def load(cls, folder: Path) -> BundleSnapshot:
        """The snapshot of a folder; a damaged or foreign one is refused."""
        arrays, document, digest = read_archive(folder, kind=KIND)
        return cls(**arrays, as_of_us=document["as_of_us"], content_sha256=digest)

    def _codes(self, items: Iterable[str]) -> list[int]:
        return [self._index[item] for item in items if item in self._index]

    def _sellable(
        self, blocked: Collection[str], prices: Mapping[str, Money], anchor: str | None
    ) -> tuple[Flags, Longs]:
        """Which items may be in a bundle, and their list prices: priced in one currency, and not blocked."""
        currency = _currency(prices, anchor)
        price_minor = np.full(len(self._keys), -1, dtype=np.int64)
        for item, price in prices.items():
            code = self._index.get(item)
            if code is not None and price.currency == currency:
                price_minor[code] = price.amount_minor
        allowed = allowed_items(len(self._keys), self._codes(blocked), np.flatnonzero(price_minor < 0))
        return allowed, price_minor

    def _anchors(
        self, anchor: str | None, history: Sequence[tuple[str, int]], allowed: Flags, k: int
    ) -> list[tuple[int, BundleReason]]:
        """The codes to grow around, best first, each with why."""
        if anchor is not None:
            return [(self._index[anchor], BundleReason("anchor", anchor, None, 1.0))] * k
        recent = sorted(history, key=lambda event: event[1])[-_HISTORY_LIMIT:]
        owned = self._codes(dict.fromkeys(item for item, _ in recent))
        open_items = allowed.copy()
        open_items[owned] = False
        personal = self._continuing(owned, open_items, _VARIANTS * k) if owned else []
        if personal:
            return personal
        popular: list[int] = best_codes(self.baskets, open_items & (self.baskets > 0), _VARIANTS * k).tolist()
        return [(code, BundleReason("popular", self._keys[code], None, 1.0)) for code in popular]

    def _continuing(self, owned: list[int], open_items: Flags, count: int) -> list[tuple[int, BundleReason]]:
        """The open items that best continue what is owned, each with the owned item that speaks most for it."""
        fit = np.zeros(len(self._keys))
        np.add.at(fit, self.neighbours[owned].ravel(), self.weights[owned].ravel())
        found = []
        for code in best_codes(fit, open_items & (fit > 0), count).tolist():
            parts = np.where(self.neighbours[owned] == code, self.weights[owned], 0.0).sum(axis=1)
            speaks = int(np.argmax(parts))
            by = self._keys[owned[speaks]]
            found.append((code, BundleReason("because_you_bought", self._keys[code], by, float(parts[speaks]))))
        return found

    def _bundle(
        self,
        anchor: BundleReason,
        members: tuple[Member, ...],
        prices: Mapping[str, Money],
        costs: Mapping[str, Money],
        policy: DiscountPolicy | None,
        *,
        sold: bool,
    ) -> Bundle:
        names = [anchor.item] * sold + [self._keys[member.code] for member in members]
        reasons = [anchor] * sold
        reasons += [BundleReason("goes_with", self._keys[member.code], anchor.item, member.fit) for member in members]
        return Bundle(
            anchor=anchor.item,
            items=tuple(names),
            price=price_bundle([Part(item, prices[item], costs.get(item)) for item in names], policy),
            fit=float(np.mean([member.fit for member in members])),
            reasons=tuple(reasons),
        )


_ARRAYS = ("items", "neighbours", "weights", "substitutes", "baskets")


def _currency(prices: Mapping[str, Money], anchor: str | None) -> str | None:
    """The anchor's currency where it has a price, else the one most prices are in (the first by name among equals)."""
    if anchor is not None and anchor in prices:
        return prices[anchor].currency
    used = [price.currency for price in prices.values()]
    return max(sorted(set(used)), key=used.count, default=None)
