"""Taking a bundle at its quoted price: the line, the add-ons with their rights, and the purchases, all in one transaction or not at all."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from billing.bundles.bundle import (
    BundleError,
    BundlePartGoneError,
    BundlePartOwnedError,
    BundleQuoteExpiredError,
    BundleSold,
)
from billing.bundles.invoicing import invoice_bundle, wait_for_invoice
from billing.bundles.quote import bought_by
from billing.bundles.store import BundleQuoteStore
from billing.catalog.products.store import ProductStore
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.commit import commit_change
from billing.subscriptions.fees import recurs
from billing.subscriptions.preview import price_change
from billing.subscriptions.store import SubscriptionStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.bundles.bundle import BundleQuote
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription


class InvoiceOn(Enum):
    """When a bundle is invoiced: at once by itself, or on the next invoice of the customer's subscription."""

    NOW = "now"
    NEXT = "next"


def accept_bundle(unit: Unit, quote_id: str, *, now: datetime, invoice_on: InvoiceOn = InvoiceOn.NOW) -> BundleSold:
    """Sell a quoted bundle; a second acceptance, a late one, or one of what was had or changed since is refused.

    Raises BundleQuoteExpiredError, BundlePartGoneError, BundlePartOwnedError.
    """
    store = BundleQuoteStore(unit)
    subscription = _subscription(
        unit, store.get(quote_id), invoice_on
    )  # locked before the quote, in the order of billing
    quote = store.lock(quote_id)
    _check(quote, now)
    _check_subscription(unit, quote, subscription)
    _check_products(unit, quote, now)
    for part in quote.addons:
        assert subscription is not None  # noqa: S101 (a quote of add-ons names its subscription)
        subscription = _take_addon(unit, subscription, part.version_id, part.quantity, quote.id, now)
    if invoice_on is InvoiceOn.NEXT and subscription is not None:
        wait_for_invoice(unit, quote, subscription, now)
        invoice_id = None
    else:
        invoice_id = invoice_bundle(unit, quote, now).id
    _own(unit, quote, now)
    store.accept(quote.id, now, invoice_id=invoice_id)
    told = {
        "quote": quote.id,
        "invoice": invoice_id,
        "customer": CustomerStore(unit).by_ids([quote.customer_id])[quote.customer_id].key,
        "total": quote.total.text,
        "currency": quote.currency,
        "parts": [part.key for part in quote.parts],
    }
    unit.emit("bundle.sold", quote.id, told, now)
    return BundleSold(quote=quote, invoice_id=invoice_id)


def _subscription(unit: Unit, quote: BundleQuote, invoice_on: InvoiceOn) -> Subscription | None:
    if quote.subscription_id is not None:
        return SubscriptionStore(unit).lock(quote.subscription_id)
    if invoice_on is InvoiceOn.NOW:
        return None
    running = SubscriptionStore(unit).running_of([quote.customer_id]).get(quote.customer_id)
    if running is None:
        raise BundleError("there is no running subscription whose next invoice could carry this bundle")
    if running.currency != quote.currency:
        raise BundleError(
            f"the subscription is billed in {running.currency}; take the bundle with an invoice of its own",
            currency=quote.currency,
        )
    return SubscriptionStore(unit).lock(running.id)


def _check(quote: BundleQuote, now: datetime) -> None:
    if quote.accepted_at is not None:
        raise BundleQuoteExpiredError("this bundle was taken already", quote=quote.id, invoice=quote.invoice_id)
    if now >= quote.expires_at:
        raise BundleQuoteExpiredError("this quote has expired; ask for a fresh one", quote=quote.id)


def _check_subscription(unit: Unit, quote: BundleQuote, subscription: Subscription | None) -> None:
    if not quote.addons or subscription is None:
        return
    versions = CatalogStore(unit).by_ids(part.version_id for part in quote.addons)
    for part in quote.addons:
        if recurs(versions[part.version_id]) and subscription.owns(part.key):
            raise BundlePartOwnedError(f"{part.key!r} is on the subscription already", part=part.key)
    if not subscription.is_running or subscription.revision != quote.revision:
        raise BundleQuoteExpiredError("the subscription has changed since this was quoted; ask again", quote=quote.id)


def _check_products(unit: Unit, quote: BundleQuote, now: datetime) -> None:
    known = ProductStore(unit).by_keys(part.key for part in quote.products)
    bought = bought_by(unit, quote.customer_id, known, now)
    for part in quote.products:
        product = known.get(part.key)
        if product is None or not product.buyable:
            raise BundlePartGoneError(f"{part.key!r} is not for sale any more; ask for a fresh quote", part=part.key)
        if bought.get(part.key, 0) > part.bought_before:
            raise BundlePartOwnedError(f"{part.key!r} was bought since this was quoted; ask again", part=part.key)


def _take_addon(  # noqa: PLR0917 (what is taken, by whom, at which price and when)
    unit: Unit, subscription: Subscription, version_id: str, seats: int, quote_id: str, now: datetime
) -> Subscription:
    """The subscription with an add-on whose price this time is in the bundle's line; from the next period on it renews by itself."""
    versions = CatalogStore(unit).by_ids({version_id, *subscription.version_ids})
    pinned = {each: versions[each] for each in subscription.version_ids}
    priced = price_change(subscription, versions[version_id], pinned, at=now, seats=seats)
    return commit_change(unit, subscription, priced, at=now, quote_id=quote_id, documents=()).subscription


def _own(unit: Unit, quote: BundleQuote, now: datetime) -> None:
    """The products of a bundle as purchases, each at its share of the price; the catalogue's own prices stay as they are."""
    PurchaseStore(unit).insert(
        [
            {
                "key": f"{quote.id}:{place}",
                "customer_id": quote.customer_id,
                "item": part.key,
                "basket": quote.id,
                "at": now,
                "received_at": now,
                "quantity": part.quantity,
                "amount_minor": part.price.amount_minor,
                "currency": quote.currency,
            }
            for place, part in enumerate(quote.products)
        ]
    )
