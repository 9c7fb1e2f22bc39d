"""The operator's first page: what the business earns, who its customers are, and what the offers did. All sums come from the stores."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from billing.customers.store import CustomerStore
from billing.invoices.store import InvoiceStore
from billing.kernel.cadence import zone_of
from billing.kernel.money import Money
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from features.decisions.store import DecisionStore
from features.scores.store import ScoreStore
from features.segments.store import SegmentStore
from models.offers.holdout import is_held_out
from serving.web import charts
from serving.web.admin.names import plan_names
from serving.web.charts import Point
from serving.web.gate import Demo, DemoShop
from serving.web.pages import PageRoute, render
from serving.web.wording import money, words

if TYPE_CHECKING:
    from billing.db.session import Unit

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_MONTHS = 12
_RECENT = 12
_SHOWN_OUTCOMES = ("impression", "click", "accept", "dismiss")


@router.get("/admin")
def overview(demo: DemoShop) -> HTMLResponse:
    """Figures, charts and the latest decisions."""
    with demo.view() as unit:
        keys = CustomerStore(unit).keys()
        decisions = DecisionStore(unit).recent(_RECENT)
        names = CustomerStore(unit).by_ids(decision.customer_id for decision in decisions)
        counts = DecisionStore(unit).counts()
        values: dict[str, Any] = {
            "customers": len(keys),
            "held_out": sum(_held_out(demo, key) for key in keys),
            "mrr": [Money(minor, currency) for currency, minor in HistoryStore(unit).mrr().items()],
            "invoices": _invoices(unit),
            "charts": _charts(unit, demo),
            "plan_names": plan_names(unit),
            "outcomes": [(kind, counts.get(f"outcome:{kind}", 0)) for kind in _SHOWN_OUTCOMES],
        }
    reasons = {reason: count for reason, count in counts.items() if not reason.startswith("outcome:")}
    ordered = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    points = [Point(words(reason), count, f"{count:,}") for reason, count in ordered]
    values["charts"]["decisions"] = charts.bars("decisions", "Decisions by reason", points)
    return render(
        "admin/overview.html", demo, **values, decisions=decisions, names=names, decided=sum(reasons.values())
    )


def _held_out(demo: Demo, key: str) -> bool:
    return is_held_out(demo.tenant.id, key, share=demo.services.settings.holdout_per_ten_thousand)


def _invoices(unit: Unit) -> dict[str, tuple[int, list[Money]]]:
    found: dict[str, tuple[int, list[Money]]] = {}
    for (status, currency), (count, minor) in sorted(InvoiceStore(unit).totals().items()):
        known, amounts = found.get(status, (0, []))
        found[status] = (known + count, [*amounts, Money(minor, currency)])
    return found


def _charts(unit: Unit, demo: Demo) -> dict[str, Any]:
    """Charts by name."""
    names = plan_names(unit)
    earning = sorted(HistoryStore(unit).by_plan().items(), key=lambda pair: (-pair[1][1], pair[0]))
    by_plan = [
        Point(f"{names.get(plan, plan)} ({count:,})", minor, money(Money(minor, currency)))
        for (plan, currency), (count, minor) in earning
    ]
    segments = [Point(segment.name, segment.size, f"{segment.size:,}") for segment in SegmentStore(unit).all()]
    risk = ScoreStore(unit).values("churn")
    return {
        "mrr": charts.bars("mrr", "Monthly recurring revenue by plan", by_plan),
        "segments": charts.bars("segments", "Customers by segment", segments),
        "risk": charts.histogram("risk", "Customers by churn risk", risk, axis="risk of leaving"),
        "orders": _orders(unit, demo),
    }


def _orders(unit: Unit, demo: Demo) -> str:
    """Revenue from orders in the tenant's currency by calendar month of its own zone, the month of now last."""
    starts = month_starts(demo.now, demo.tenant.zone, _MONTHS)
    currency, found = demo.tenant.currency, PurchaseStore(unit).orders_between(starts)
    first = next((number for number, totals in enumerate(found) if totals), len(found))
    points = []
    for start, totals in list(zip(starts, found, strict=False))[first:]:
        orders, minor = totals.get(currency, (0, 0))
        so_far = " so far" if start == starts[-2] else ""
        points.append(Point(f"{start:%b %y}", minor, f"{money(Money(minor, currency))} from {orders:,} orders{so_far}"))
    return charts.line(
        "orders", "Order revenue by month", points, say=lambda minor: _whole(Money(round(minor), currency))
    )


def month_starts(now: datetime, zone: str, months: int) -> list[datetime]:
    """The first instants of the last `months` calendar months of a zone, that of `now` included, and of the month after.

    >>> from datetime import UTC
    >>> [str(start.date()) for start in month_starts(datetime(2026, 1, 31, tzinfo=UTC), "UTC", 2)]
    ['2025-12-01', '2026-01-01', '2026-02-01']
    """
    local = now.astimezone(zone_of(zone))
    numbers = range(local.year * 12 + local.month - months, local.year * 12 + local.month + 1)
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=local.tzinfo) for number in numbers]


def _whole(amount: Money) -> str:
    """An axis mark: without the zeros after the point."""
    return money(amount).removesuffix(".00")
