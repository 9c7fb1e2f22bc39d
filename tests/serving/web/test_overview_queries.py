"""The sums behind the office's charts agree with the rows they are made of."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from serving.web.admin.overview import month_starts
from tests.serving.web.prepared import NOW

if TYPE_CHECKING:
    from serving.wiring import Services
    from tests.serving.web.prepared import Ready


def test_orders_by_month_add_up_to_all_orders(services: Services, ready: Ready) -> None:
    """Every line falls into exactly one month of the shop's zone."""
    starts = month_starts(NOW, ready.opened.tenant.zone, 12)
    with services.database.view(ready.scope) as unit:
        months = PurchaseStore(unit).orders_between(starts)
        lines = list(PurchaseStore(unit).lines_before(NOW))

    assert len(months) == 12
    assert sum(month["EUR"][1] for month in months if month) == sum(line[6] for line in lines)
    assert sum(month["EUR"][0] for month in months if month) == len({line[2] for line in lines})


def test_one_period_is_one_bucket(services: Services, ready: Ready) -> None:
    """Two boundaries make one period, half-open."""
    with services.database.view(ready.scope) as unit:
        whole = PurchaseStore(unit).orders_between([NOW - timedelta(days=3650), NOW])

    assert len(whole) == 1
    assert whole[0]["EUR"][0] > 0


def test_bestsellers_count_customers_not_lines(services: Services, ready: Ready) -> None:
    """The count of each item is how many different customers bought it in the window."""
    since = NOW - timedelta(days=90)
    with services.database.view(ready.scope) as unit:
        found = PurchaseStore(unit).bestsellers(since, NOW, 50)
        lines = [line for line in PurchaseStore(unit).lines_before(NOW) if line[3] >= since]

    assert dict(found) == dict(Counter(item for item, _ in {(line[1], line[0]) for line in lines}))
    assert [count for _, count in found] == sorted((count for _, count in found), reverse=True)


def test_orders_of_counts_baskets(services: Services, ready: Ready) -> None:
    """Ann ordered twice; who never ordered is left out."""
    with services.database.view(ready.scope) as unit:
        ann = CustomerStore(unit).get("ann")
        assert PurchaseStore(unit).orders_of([ann.id, "cus_none"], NOW) == {ann.id: 2}


def test_revenue_by_plan_adds_up_to_all_revenue(services: Services, ready: Ready) -> None:
    """Seven Starter and one Plus."""
    with services.database.view(ready.scope) as unit:
        by_plan, mrr = HistoryStore(unit).by_plan(), HistoryStore(unit).mrr()

    assert by_plan == {("starter", "EUR"): (7, 6300), ("plus", "EUR"): (1, 1900)}
    assert mrr == {"EUR": sum(minor for _, minor in by_plan.values())}


def test_months_start_where_the_shop_is() -> None:
    """Midnight in Berlin, over the change of the clocks."""
    starts = month_starts(datetime(2026, 4, 1, 0, 30, tzinfo=UTC), "Europe/Berlin", 2)

    assert [start.astimezone(UTC).isoformat() for start in starts] == [
        "2026-02-28T23:00:00+00:00",
        "2026-03-31T22:00:00+00:00",
        "2026-04-30T22:00:00+00:00",
    ]
