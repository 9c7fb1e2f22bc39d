"""Recommendations and bundles for one customer: history and rights from the database, scores from memory, one mask for both.

Whatever a customer owns, has in the cart, asked not to see, declared never to want, or may not buy is in one set of blocked items that
every path is given. Targets differ in what is blocked: "new" hides what is owned, "reorder" shows nothing else, "any" and "addon" show
both. Without a model the shop's newest products answer, and the level says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.bundles.store import BundlePolicyStore
from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.pricing.quote import money_document
from billing.purchases.store import PurchaseStore
from billing.tastes.store import TasteStore
from billing.tastes.taste import hidden, liking_percent
from features.contact.consent import OPTED_OUT
from features.segments.store import SegmentStore
from models.recommender.evaluate import NEW
from models.recommender.options import Options, Quota
from models.recommender.ranker.serve import REORDER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from billing.catalog.item import Product
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.tastes.taste import Attributes, Preference
    from models.bundles.snapshot import Bundle
    from models.recommender.recommendation import Reason, ScoredItem
    from serving.champions import ModelLoader

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a storefront wants: `k` items for a customer and a target, given a cart and items not to show.

    `margin_weight` (0: relevance alone) lets margins tilt the order within bounds; `use_ranker` false asks for the control, the blend.
    `per_category` is the most items of one category while others are left.
    """

    customer: str | None
    k: int
    cart: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    anchor: str | None = None
    target: str = "new"
    margin_weight: float = 0.0
    use_ranker: bool = True
    per_category: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the database knows that a recommendation needs; nothing for a customer it does not know.

    Of one who opted out of profiling (`is_closed`) no history or segment is read and no like is weighed. What they own, which is a right
    and no guess, and what they declared never to want is still kept from them.
    """

    customer: Customer | None
    history: tuple[tuple[str, int], ...]
    segment: str | None
    unsold: frozenset[str]
    wishes: tuple[Preference, ...] = ()
    attributes: Mapping[str, Attributes] = field(default_factory=dict)
    owned: frozenset[str] = frozenset()
    is_closed: bool = False

    def blocked(self, ask: Ask, items: Iterable[str]) -> set[str]:
        """THE set of items that must not be shown, out of `items`.

        Owned (where new ones are asked for), in the cart, excluded, not for sale, or against a declared preference.
        """
        owned = self.owned if ask.target == NEW else frozenset[str]()
        return set(owned) | set(ask.cart) | set(ask.exclude) | self.unsold | hidden(self.wishes, items, self.attributes)

    def tastes(self) -> dict[str, float]:
        """What the likes add to each item, in log-odds."""
        if self.is_closed:
            return {}
        return {item: percent / 100 for item, percent in liking_percent(self.wishes, self.attributes).items()}


def know(unit: Unit, ask: Ask, *, now: datetime) -> Known:
    """Load what is known of a customer and of the shop; an unknown customer is no error."""
    unsold = frozenset(ProductStore(unit).unsold())
    customer = CustomerStore(unit).find(ask.customer) if ask.customer else None
    if customer is None:
        return Known(None, (), None, unsold)
    lines = list(
        PurchaseStore(unit).lines_before(now + _INSTANT, customer.id)
    )  # what is bought this very moment is owned
    owned = frozenset(line[1] for line in lines)
    tastes = TasteStore(unit)
    wishes = tastes.preferences(customer.id)
    attributes = tastes.all_attributes() if wishes else {}
    if OPTED_OUT in customer.consents:
        return Known(customer, (), None, unsold, wishes, attributes, owned, is_closed=True)
    history = tuple((line[1], _microseconds(line[3])) for line in lines)
    segment = SegmentStore(unit).of_customer(customer.id)
    return Known(customer, history, segment.key if segment else None, unsold, wishes, attributes, owned)


def recommend(unit: Unit, models: ModelLoader, ask: Ask, *, now: datetime) -> dict[str, Any]:
    """Up to `k` items with their reasons, and the level of the fallback chain that answered."""
    known = know(unit, ask, now=now)
    found = models.recommender(unit.scope.tenant_id)
    answer: dict[str, Any] = {"decision_id": new_id("dec"), "target": ask.target, "model": None, "shortfall": None}
    if found is None:
        items = [] if ask.target == REORDER else [_newest(product) for product in _newest_allowed(unit, known, ask)]
        return {**answer, "items": items, "level": "new", "shortfall": None if items else "no_products"}
    snapshot, version = found
    result = snapshot.recommend(
        known.history,
        now_us=_microseconds(now),
        k=ask.k,
        blocked=known.blocked(ask, snapshot.keys),
        cart=() if known.is_closed else ask.cart,
        segment=known.segment,
        options=_options(unit, known, ask),
    )
    named = {reason.item for item in result.items for reason in item.reasons if reason.item}
    products = ProductStore(unit).by_keys(named | {item.item for item in result.items})
    items = [_item(item, products) for item in result.items]
    model = version if ask.use_ranker else f"{version} (control)"
    return {**answer, "items": items, "level": result.level, "model": model, "shortfall": result.shortfall}


def _newest_allowed(unit: Unit, known: Known, ask: Ask) -> list[Product]:
    store = ProductStore(unit)
    hides = any(wish.is_hard for wish in known.wishes)
    return store.newest(known.blocked(ask, store.all() if hides else ()), ask.k)


def _options(unit: Unit, known: Known, ask: Ask) -> Options:
    """Margins and categories are read only where they are asked for."""
    products = ProductStore(unit).all() if ask.margin_weight or ask.per_category else {}
    margins = {
        key: product.price.amount_minor - product.cost.amount_minor
        for key, product in products.items()
        if product.cost is not None and product.price.amount_minor > 0
    }
    groups = {key: product.category for key, product in products.items()}
    return Options(
        target=ask.target,
        margins_minor=margins if ask.margin_weight else {},
        margin_weight=ask.margin_weight,
        tastes=known.tastes(),
        quota=Quota(group_of=groups, at_most=ask.per_category) if ask.per_category else None,
        use_ranker=ask.use_ranker,
    )


@dataclass(frozen=True, slots=True)
class Grown:
    """Bundles of the shop's products at the prices that its policy allows, and the version of the model that grew them."""

    bundles: tuple[Bundle, ...]
    products: Mapping[str, Product]
    version: str


def grown_bundles(unit: Unit, models: ModelLoader, ask: Ask, *, now: datetime) -> Grown | None:
    """Up to `k` bundles of what may be shown; None where no model was promoted yet."""
    found = models.bundles(unit.scope.tenant_id)
    if found is None:
        return None
    snapshot, version = found
    known, products = know(unit, ask, now=now), ProductStore(unit).all()
    made = snapshot.bundles(
        ask.anchor,
        known.history,
        known.blocked(ask, products),
        {key: product.price for key, product in products.items() if product.price.amount_minor > 0},
        ask.k,
        costs={key: product.cost for key, product in products.items() if product.cost is not None},
        policy=BundlePolicyStore(unit).get().discounts,
    )
    return Grown(made, products, version)


def bundles(unit: Unit, models: ModelLoader, ask: Ask, *, now: datetime) -> dict[str, Any]:
    """Up to `k` bundles, each with its price, discount, margin rule and reasons."""
    found = grown_bundles(unit, models, ask, now=now)
    if found is None:
        return {"bundles": [], "model": None, "shortfall": "no_model"}
    return {
        "bundles": [_bundle(bundle, found.products) for bundle in found.bundles],
        "model": found.version,
        "shortfall": None if found.bundles else "nothing_fits",
    }


def _item(item: ScoredItem, products: dict[str, Product]) -> dict[str, Any]:
    shown = {
        "item": item.item,
        "score": round(item.score, 6),
        "reasons": [_reason(reason, products) for reason in item.reasons],
    }
    if item.chance is not None:
        shown["chance"] = round(item.chance, 6)
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


def _bundle(bundle: Bundle, products: Mapping[str, Product]) -> dict[str, Any]:
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
