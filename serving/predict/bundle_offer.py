"""Bundles that a decision may offer: grown around what the customer has, priced by the shop's rules, and quoted when one is chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.bundles.bundle import BundlePart
from billing.bundles.quote import quote_bundle
from billing.kernel.money import Money
from models.offers.context import OfferKind, Target
from serving.predict.recommend import Ask, grown_bundles

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from billing.bundles.bundle import BundleQuote
    from billing.catalog.item import Product
    from billing.db.session import Unit
    from models.bundles.snapshot import Bundle
    from serving.champions import ModelLoader

RANK = 0  # a bundle stands in no order with plans
_LONGEST_KEY = 200


def bundle_targets(
    unit: Unit, models: ModelLoader, customer: str, *, now: datetime, k: int = 2, currency: str | None = None
) -> tuple[Target, ...]:
    """Up to `k` bundles for a customer (by key) as targets of an offer, best fit first; none without a model or in another currency.

    Reads every product of the shop: ask only where a bundle can be the answer.
    """
    found = grown_bundles(unit, models, Ask(customer=customer, k=k), now=now)
    if found is None:
        return ()
    return tuple(
        _target(bundle, found.products)
        for bundle in found.bundles
        if currency in {None, bundle.price.total.currency} and len(_key(bundle)) <= _LONGEST_KEY
    )


def quote_target(unit: Unit, customer_id: str, target: Target, *, now: datetime, life: timedelta) -> BundleQuote:
    """The price of an offered bundle, promised; `billing.bundles.accept.accept_bundle` takes it. Raises what `quote_bundle` raises."""
    return quote_bundle(unit, customer_id, [BundlePart(item) for item in target.parts], now=now, life=life)


def _target(bundle: Bundle, products: Mapping[str, Product]) -> Target:
    names = [products[item].name or item for item in bundle.items]
    costs = [products[item].cost for item in bundle.items]
    known = [cost for cost in costs if cost is not None]
    zero = Money.zero(bundle.price.total.currency)
    return Target(
        kind=OfferKind.BUNDLE.value,
        key=_key(bundle),
        name=" + ".join(names),
        rank=RANK,
        gives={},
        recurring=bundle.price.total,
        cost=sum(known, zero) if len(known) == len(costs) else None,
        parts=bundle.items,
    )


def _key(bundle: Bundle) -> str:
    """The same parts make the same key, in whatever order they were found."""
    return "+".join(sorted(bundle.items))
