"""A real shop's purchases as a demonstration: every customer is kept, and those who keep ordering have joined the club.

Who came back within the last two months became a member at that second order; the plan follows how often they order. Each order is a
delivery. The memberships are made up, so that invoices can be seen; the purchases, and all that is learned from them, are real.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.kernel.clock import format_instant
from billing.metering.ingest import ingest
from billing.purchases.store import PurchaseStore
from serving.demo.members import Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database

MEMBERSHIP_DAYS = 62
_EVENTS_A_TRANSACTION = 2000
_MEMBER_ORDERS, _PLUS_ORDERS, _PRO_ORDERS = 2, 4, 7


def orders_of(database: Database, scope: Scope, now: datetime) -> dict[str, dict[str, datetime]]:
    """The moment of each order (basket) by customer key."""
    found: dict[str, dict[str, datetime]] = defaultdict(dict)
    with database.view(scope) as unit:
        for line in PurchaseStore(unit).lines_before(now):
            found[line[0]].setdefault(line[2], line[3])
        customers = CustomerStore(unit).by_ids(found)
    return {customers[customer_id].key: baskets for customer_id, baskets in found.items()}


def record_deliveries(
    database: Database,
    scope: Scope,
    orders: dict[str, dict[str, datetime]],
    *,
    now: datetime,
    progress: Callable[[int], None] | None = None,
) -> None:
    """One delivery event for every order."""
    documents: list[dict[str, Any]] = [
        {
            "id": f"{customer}:{basket}",
            "source": "orders",
            "type": "deliveries",
            "customer": customer,
            "time": format_instant(at),
        }
        for customer, baskets in orders.items()
        for basket, at in baskets.items()
    ]
    for start in range(0, len(documents), _EVENTS_A_TRANSACTION):
        batch = documents[start : start + _EVENTS_A_TRANSACTION]
        with database.unit(scope) as unit:
            ingest(unit, batch, now=now, is_history=True)
        if progress is not None:
            progress(len(batch))


def memberships(orders: dict[str, dict[str, datetime]], *, now: datetime) -> list[Step]:
    """When each customer who keeps ordering joined, and to which plan they moved up as they ordered more."""
    since = now - timedelta(days=MEMBERSHIP_DAYS)
    steps: list[Step] = []
    for customer, baskets in sorted(orders.items()):
        recent = sorted(at for at in baskets.values() if at >= since)
        if len(recent) < _MEMBER_ORDERS:
            continue
        steps.append(Step(recent[_MEMBER_ORDERS - 1], customer, "started", "starter"))
        if len(recent) >= _PLUS_ORDERS:
            steps.append(Step(recent[_PLUS_ORDERS - 1], customer, "changed", "plus"))
        if len(recent) >= _PRO_ORDERS:
            steps.append(Step(recent[_PRO_ORDERS - 1], customer, "changed", "pro"))
    return steps
