"""Quoting a bundle: every part at its price of this moment, together at the price that the shop's margin rules allow, for a while."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.bundles.bundle import (
    BundleError,
    BundlePartGoneError,
    BundlePartOwnedError,
    BundleQuote,
    PartKind,
    QuotedPart,
    check_parts,
)
from billing.bundles.store import BundlePolicyStore, BundleQuoteStore
from billing.catalog.plan import PlanKind
from billing.catalog.products.store import ProductStore
from billing.catalog.store import CatalogStore
from billing.kernel.ids import new_id
from billing.kernel.period import Period
from billing.pricing.bundle import Part, price_bundle
from billing.purchases.store import PurchaseStore
from billing.subscriptions.fees import recurs
from billing.subscriptions.preview import check_billed, preview_change
from billing.subscriptions.schedule import period_end
from billing.subscriptions.store import SubscriptionStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.bundles.bundle import BundlePart
    from billing.bundles.policy import BundlePolicy
    from billing.catalog.item import Product
    from billing.db.session import Unit
    from billing.kernel.money import Money
    from billing.subscriptions.preview import ChangePreview
    from billing.subscriptions.subscription import Subscription

LIFE = timedelta(hours=1)
_INSTANT = timedelta(microseconds=1)


def quote_bundle(
    unit: Unit,
    customer_id: str,
    parts: Sequence[BundlePart],
    *,
    now: datetime,
    policy: BundlePolicy | None = None,
    life: timedelta = LIFE,
) -> BundleQuote:
    """Promise one price for these parts until `now + life`, with add-ons at most until the subscription's period ends.

    `policy` is the shop's own where none is given. Raises BundleError for parts that make no bundle, BundlePartGoneError for what is not
    sold, BundlePartOwnedError for an add-on that the customer has.
    """
    check_parts(parts)
    rules = BundlePolicyStore(unit).get() if policy is None else policy
    addons = any(part.kind is PartKind.ADDON for part in parts)
    subscription = _subscription(unit, customer_id, now) if addons else None
    products = ProductStore(unit).by_keys(part.key for part in parts if part.kind is PartKind.PRODUCT)
    bought = bought_by(unit, customer_id, products, now)
    offered = [
        _product(part, products.get(part.key), rules, bought)
        if subscription is None or part.kind is PartKind.PRODUCT
        else _addon(unit, part, subscription, now)
        for part in parts
    ]
    _check_currency([part for part, _ in offered])
    costed = [Part(part.key, part.list_price, cost) for part, cost in offered]
    price = price_bundle(costed, rules.discounts)
    if not price.total.amount_minor:
        raise BundleError("these parts cost nothing; there is nothing to sell", parts=[part.key for part in parts])
    quote = BundleQuote(
        id=new_id("bqu"),
        customer_id=customer_id,
        subscription_id=None if subscription is None else subscription.id,
        revision=None if subscription is None else subscription.revision,
        parts=tuple(replace(part, price=share.price) for (part, _), share in zip(offered, price.parts, strict=True)),
        margin_rule=price.margin_rule,
        quoted_at=now,
        expires_at=now + life if subscription is None else min(now + life, period_end(subscription)),
    )
    BundleQuoteStore(unit).add(quote)
    return quote


def bought_by(unit: Unit, customer_id: str, items: Mapping[str, object], now: datetime) -> dict[str, int]:
    """How many times the customer has bought each of some items up to and at this instant."""
    if not items:
        return {}
    lines = PurchaseStore(unit).lines_before(now + _INSTANT, customer_id)
    return dict(Counter(line[1] for line in lines if line[1] in items))


def _subscription(unit: Unit, customer_id: str, now: datetime) -> Subscription:
    found = SubscriptionStore(unit).running_of([customer_id]).get(customer_id)
    if found is None:
        raise BundlePartGoneError("an add-on stands on a subscription; this customer has none that runs")
    check_billed(found, now)
    return found


def _product(
    part: BundlePart, product: Product | None, rules: BundlePolicy, bought: Mapping[str, int]
) -> tuple[QuotedPart, Money | None]:
    if product is None or not product.buyable or product.price.amount_minor <= 0:
        raise BundlePartGoneError(f"{part.key[:60]!r} is not for sale", part=part.key[:200])
    quantity = part.quantity or 1
    price = product.price.prorate(Fraction(quantity))
    quoted = QuotedPart(
        key=product.key,
        kind=PartKind.PRODUCT,
        name=product.name or product.key,
        quantity=quantity,
        list_price=price,
        price=price,
        tax_class=rules.class_of(product.category),
        tax_inclusive=rules.tax_inclusive,
        bought_before=bought.get(product.key, 0),
    )
    return quoted, None if product.cost is None else product.cost.prorate(Fraction(quantity))


def _addon(unit: Unit, part: BundlePart, subscription: Subscription, now: datetime) -> tuple[QuotedPart, Money | None]:
    """An add-on at what taking it now would add to the next invoice; what it costs the shop is not known."""
    version = CatalogStore(unit).latest(part.key)
    if version.kind is not PlanKind.ADDON:
        raise BundleError(f"{part.key[:60]!r} is a plan; a bundle holds products and add-ons", part=part.key[:200])
    if recurs(version) and subscription.owns(version.plan_key):
        raise BundlePartOwnedError(f"{version.plan_key!r} is on the subscription already", part=version.plan_key)
    preview = preview_change(unit, subscription, version.plan_key, at=now, seats=part.quantity)
    quoted = QuotedPart(
        key=version.plan_key,
        kind=PartKind.ADDON,
        name=version.plan_name,
        quantity=preview.seats,
        list_price=preview.total,
        price=preview.total,
        tax_class=version.terms.tax_class,
        tax_inclusive=version.terms.tax_inclusive,
        version_id=version.id,
        service=_service(preview),
    )
    return quoted, None


def _service(preview: ChangePreview) -> Period | None:
    periods = [line.period for line in preview.lines if line.period is not None]
    if not periods:
        return None
    return Period(min(period.start for period in periods), max(period.end for period in periods))


def _check_currency(parts: Sequence[QuotedPart]) -> None:
    currencies = sorted({part.list_price.currency for part in parts})
    if len(currencies) > 1:
        raise BundleError(f"the parts of a bundle share one currency; these are in {', '.join(currencies)}")
