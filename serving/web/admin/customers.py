"""Customers for the operator: a list to search, and for each all that is known, owned, used, billed and decided, with reasons."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.check import Question, check
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.pricing.ratecard import recurring_price
from billing.purchases.store import PurchaseStore
from billing.subscriptions.store import SubscriptionStore
from features.catalog import view_named
from features.decisions.store import DecisionStore
from features.online import features_of
from features.scores.store import ScoreStore
from features.segments.store import SegmentStore
from models.offers.holdout import is_held_out
from serving.web.admin.names import plan_names
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render
from serving.web.wording import feature_value

if TYPE_CHECKING:
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from features.scores.store import Score

router = APIRouter(prefix="/admin/customers", include_in_schema=False, route_class=PageRoute)
_PAGE = 25
_MEMORY = timedelta(days=365)
_UNIT = re.compile(r", in (minor units|millionths)")  # the page shows the value in the unit people use


@router.get("")
def index(demo: DemoShop, search: str = "", cursor: str | None = None) -> HTMLResponse:
    """Customers in order of key, or those whose key or name starts with the words."""
    with demo.view() as unit:
        found = CustomerStore(unit).page(limit=_PAGE, cursor=cursor or None, prefix=search.strip()[:100])
        ids = [customer.id for customer in found.items]
        values: dict[str, Any] = {
            "customers": found.items,
            "next_cursor": found.next_cursor,
            "running": SubscriptionStore(unit).running_of(ids),
            "risk": ScoreStore(unit).of_task("churn", ids),
            "orders": PurchaseStore(unit).orders_of(ids, demo.now),
            "segments": _segment_names(unit, ids),
            "plan_names": plan_names(unit),
        }
    return render("admin/customers.html", demo, search=search, is_first=not cursor, **values)


@router.get("/{key:path}")
def show(key: str, demo: DemoShop) -> HTMLResponse:
    """One customer, by key or id."""
    with demo.view() as unit:
        customer = CustomerStore(unit).get(key)
        values: dict[str, Any] = {
            **_owned(unit, customer, demo.now),
            "segment": SegmentStore(unit).of_customer(customer.id),
            **_expected(ScoreStore(unit).of_customer(customer.id)),
            "features": _features(unit, customer, demo),
            "orders": PurchaseStore(unit).orders_of([customer.id], demo.now).get(customer.id, 0),
            "invoices": InvoiceStore(unit).page(limit=12, customer_id=customer.id).items,
            "credit": LedgerStore(unit).credit_of(customer.id, demo.tenant.currency),
            "decisions": DecisionStore(unit).of_customer(customer.id, demo.now - _MEMORY)[::-1],
        }
    share = demo.services.settings.holdout_per_ten_thousand
    held_out = is_held_out(demo.tenant.id, customer.key, share=share)
    return render("admin/customer.html", demo, customer=customer, held_out=held_out, **values)


def _expected(scores: dict[str, Score]) -> dict[str, Any]:
    """Chances apart from what is an amount of money, with its range."""
    worth = scores.pop("value", None)
    found: dict[str, Any] = {"scores": scores, "worth": worth, "amounts": ()}
    if worth is not None:
        document = worth.document
        amounts = (document["amount_minor"], *document["interval"])
        found["amounts"] = tuple(Money(int(minor), document["currency"]) for minor in amounts)
    return found


def _segment_names(unit: Unit, customer_ids: list[str]) -> dict[str, str]:
    names = {segment.key: segment.name for segment in SegmentStore(unit).all()}
    members = SegmentStore(unit).members() if names else {}
    return {customer_id: names[members[customer_id]] for customer_id in customer_ids if customer_id in members}


def _owned(unit: Unit, customer: Customer, now: datetime) -> dict[str, Any]:
    """What the customer pays for, and what that lets them do."""
    catalog = CatalogStore(unit)
    features = catalog.features()
    rights = check(unit, [Question(customer.key, feature) for feature in features], now=now)
    subscription = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    pinned = catalog.by_ids(subscription.version_ids) if subscription else {}
    plans = [pinned[version_id] for version_id in subscription.version_ids] if subscription else []
    priced = [(version, recurring_price(version.charges, version.currency)) for version in plans]
    names = {feature.key: feature.name for feature in features.values()}
    return {
        "subscription": subscription,
        "plans": priced,
        "rights": rights,
        "feature_names": names,
        "plan_names": plan_names(unit),
    }


def _features(unit: Unit, customer: Customer, demo: Demo) -> list[tuple[str, str]]:
    """What each feature counts, in words, and its value now; by the declarations that training reads."""
    values = features_of(unit, customer.id, now=demo.now)
    return [
        (_UNIT.sub("", view_named(name).description).rstrip("."), feature_value(name, value, demo.tenant.currency))
        for name, value in values.items()
    ]
