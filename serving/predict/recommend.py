"""Recommendations and bundles for one customer: history and rights from the database, scores from memory, one mask for both.

Whatever a customer owns, has in the cart, asked not to see, or may not buy is in one set of blocked items that every path is given.
Without a model the shop's newest products answer, and the level says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.pricing.quote import money_document
from billing.purchases.store import PurchaseStore
from features.segments.store import SegmentStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.item import Product
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from models.bundles.snapshot import Bundle
    from models.recommender.recommendation import Reason, ScoredItem
    from serving.champions import ModelLoader

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a storefront wants: `k` items for a customer, given a cart and items not to show."""

    customer: str | None
    k: int
    cart: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows that a recommendation needs; nothing for a customer it does not know."""

    customer: Customer | None
    history: tuple[tuple[str, int], ...]
    segment: str | None
    unsold: frozenset[str]

    def blocked(self, ask: Ask) -> set[str]:
        """THE set of items that must not be shown: owned, in the cart, excluded, not for sale."""
        return {item for item, _ in self.history} | set(ask.cart) | set(ask.exclude) | self.unsold


def know(unit: Unit, ask: Ask, *, now: datetime) -> Known:
    """Load what is known of a customer and of the shop; an unknown customer is no error."""
    unsold = frozenset(ProductStore(unit).unsold())
    customer = CustomerStore(unit).find(ask.customer) if ask.customer else None
    if customer is None:
        return Known(None, (), None, unsold)
    lines = PurchaseStore(unit).lines_before(now + _INSTANT, customer.id)  # what is bought this very moment is owned
    history = tuple((line[1], _microseconds(line[3])) for line in lines)
    segment = SegmentStore(unit).of_customer(customer.id)
    return Known(customer, history, segment.key if segment else None, unsold)


def recommend(unit: Unit, models: ModelLoader, ask: Ask, *, now: datetime) -> dict[str, Any]:
    """Up to `k` items with their reasons, and the level of the fallback chain that answered."""
    known = know(unit, ask, now=now)
    blocked = known.blocked(ask)
    found = models.recommender(unit.scope.tenant_id)
    answer: dict[str, Any] = {"decision_id": new_id("dec"), "model": None, "shortfall": None}
    if found is None:
        items = [_newest(product) for product in ProductStore(unit).newest(blocked, ask.k)]
        return {**answer, "items": items, "level": "new", "shortfall": None if items else "no_products"}
    snapshot, version = found
    result = snapshot.recommend(
        known.history, now_us=_microseconds(now), k=ask.k, blocked=blocked, cart=ask.cart, segment=known.segment
    )
    named = {reason.item for item in result.items for reason in item.reasons if reason.item}
    products = ProductStore(unit).by_keys(named | {item.item for item in result.items})
    items = [_item(item, products) for item in result.items]
    return {**answer, "items": items, "level": result.level, "model": version, "shortfall": result.shortfall}


def bundles(unit: Unit, models: ModelLoader, ask: Ask, *, now: datetime) -> dict[str, Any]:
    """Up to `k` bundles, each with its price, discount, margin rule and reasons."""
    found = models.bundles(unit.scope.tenant_id)
    if found is None:
        return {"bundles": [], "model": None, "shortfall": "no_model"}
    snapshot, version = found
    known, products = know(unit, ask, now=now), ProductStore(unit).all()
    prices = {key: product.price for key, product in products.items() if product.price.amount_minor > 0}
    costs = {key: product.cost for key, product in products.items() if product.cost is not None}
    made = snapshot.bundles(ask.anchor, known.history, known.blocked(ask), prices, ask.k, costs=costs)
    return {
        "bundles": [_bundle(bundle, products) for bundle in made],
        "model": version,
        "shortfall": None if made else "nothing_fits",
    }


def _item(item: ScoredItem, products: dict[str, Product]) -> dict[str, Any]:
    shown = {
        "item": item.item,
        "score": round(item.score, 6),
        "reasons": [_reason(reason, products) for reason in item.reasons],
    }
    return {**shown, **_facts(products.get(item.item))}


def _reason(reason: Reason, products: dict[str, Product]) -> dict[str, Any]:
    named = products.get(reason.item) if reason.item else None
    return {
        "kind": reason.kind,
        "item": reason.item,
        "name": named.name if named else None,
        "share": round(reason.share, 4),
    }


def _facts(product: Product | None) -> dict[str, Any]:
    if product is None:
        return {"name": None, "price": None}
    price = money_document(product.price) if product.price.amount_minor > 0 else None
    return {"name": product.name, "price": price}


def _bundle(bundle: Bundle, products: dict[str, Product]) -> dict[str, Any]:
    return {
        "anchor": bundle.anchor,
        "items": [
            {"item": part.item, **_facts(products.get(part.item)), "bundle_price": money_document(part.price)}
            for part in bundle.price.parts
        ],
        "list_price": money_document(bundle.price.list_total),
        "price": money_document(bundle.price.total),
        "discount": money_document(bundle.price.discount),
        "margin_rule": bundle.price.margin_rule,
        "reasons": [
            {"kind": reason.kind, "item": reason.item, "with": reason.with_item, "fit": round(reason.fit, 4)}
            for reason in bundle.reasons
        ],
    }


def _newest(product: Product) -> dict[str, Any]:
    reasons = [{"kind": "new", "item": None, "name": None, "share": 1.0}]
    return {"item": product.key, "score": 0.0, "reasons": reasons, **_facts(product)}


def _microseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond
