"""Which limits bind a customer: those of the plan and add-ons of the running subscription, of one name added up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.errors import Kind as ErrorKind
from billing.kernel.errors import UptierError
from billing.ratelimits.limit import PER_US, Counts, Kind, Limit, Mode
from billing.subscriptions.store import SubscriptionStore

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.db.session import Unit
    from billing.kernel.cadence import Cadence

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class NoPlanError(UptierError):
    """The customer has no running subscription, so nothing entitles them to call."""

    code = "not_entitled"
    kind = ErrorKind.FORBIDDEN


def limits_of(
    unit: Unit, customer_key: str, *, now: datetime, is_frozen: bool = False
) -> tuple[str, tuple[Limit, ...], Mapping[str, int]]:
    """The customer's id, limits, and cost by route (the dearest where plan and add-ons differ).

    Quotas name the neighbouring billing periods too, so that the clock that decides also decides which one it is; where the tenant's
    clock stands still (`is_frozen`) the period it stands in is the only one.
    """
    customer = CustomerStore(unit).get(customer_key)
    subscription = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if subscription is None or subscription.paused_at is not None:
        raise NoPlanError("this customer has no running subscription", customer=customer_key)
    versions = CatalogStore(unit).by_ids(subscription.version_ids)
    windows = _windows(subscription.cadence, now, is_frozen=is_frozen)
    found: dict[str, Mapping[str, Any]] = {}
    routes: dict[str, int] = {}
    for version_id in subscription.version_ids:
        for document in versions[version_id].terms.rate_limits:
            name = document["name"]
            found[name] = _sum(found[name], document) if name in found else document
            for route, cost in document.get("routes", {}).items():
                routes[route] = max(cost, routes.get(route, 0))
    return customer.id, tuple(_limit(document, windows) for document in found.values()), routes


def _sum(one: Mapping[str, Any], more: Mapping[str, Any]) -> Mapping[str, Any]:
    if one["per"] != more["per"]:
        return one
    both = {**one, "amount": one["amount"] + more["amount"]}
    if "burst" in one or "burst" in more:
        both["burst"] = one.get("burst", one["amount"]) + more.get("burst", more["amount"])
    return both


def _limit(document: Mapping[str, Any], windows: tuple[int, ...]) -> Limit:
    per = document["per"]
    kind = {"billing_period": Kind.QUOTA, "in_flight": Kind.CONCURRENCY}.get(per, Kind.RATE)
    return Limit(
        name=document["name"],
        kind=kind,
        amount=document["amount"],
        per_us=PER_US.get(per, PER_US["second"]),
        burst=document.get("burst"),
        windows=windows if kind is Kind.QUOTA else (),
        mode=Mode(document["mode"]),
        counts=Counts(document["counts"]),
        most_wait_us=document.get("max_wait_ms", 0) * 1000,
        meter=document.get("meter", ""),
        lease_us=document.get("lease_seconds", 60) * PER_US["second"],
    )


def _windows(cadence: Cadence, now: datetime, *, is_frozen: bool) -> tuple[int, ...]:
    number = cadence.number_at(now)
    numbers = (number, number + 1) if is_frozen else range(number - 1, number + 3)
    return tuple((cadence.boundary(each) - EPOCH) // MICROSECOND for each in numbers)
