"""What can be counted of a customer in an experiment, where it is read from, and what is always guarded. Pure.

Money is net of tax, in minor units of the plan's currency, with credit notes and losses taken off.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from features.experiments.experiment import BadExperimentError

if TYPE_CHECKING:
    from collections.abc import Mapping

MARGIN_BPS: Final = 7_000
"""The margin that is taken of what was sold where nothing else is known, in hundredths of a percent."""
PAST_DAYS: Final = 28
MILLION: Final = 1_000_000
_TEN_THOUSAND: Final = 10_000


class Source(Enum):
    """The rows that outcomes are read from."""

    BOOKS = "books"
    ORDERS = "orders"
    STEPS = "steps"
    RENEWALS = "renewals"
    EVENTS = "events"
    LEAVINGS = "leavings"


class How(Enum):
    """What is made of a unit's rows."""

    SUM = "sum"
    ANY = "any"
    NONE = "none"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One thing that can be counted: `value` (and for a ratio `over`) name columns of the source, a unit's sum is divided by `scale`.

    `active_only` counts only those who had a subscription when exposed; `kinds` are what a metric may make of it; `event` is the type of
    event that is counted where a metric names none.
    """

    key: str
    title: str
    source: Source
    how: How
    value: str
    kinds: frozenset[str]
    over: str = ""
    scale: int = 1
    is_money: bool = False
    active_only: bool = False
    lower_is_better: bool = False
    event: str = ""


_MEAN, _RATE, _RATIO, _KEPT = (
    frozenset({"mean", "quantile"}),
    frozenset({"rate"}),
    frozenset({"ratio"}),
    frozenset({"retention", "rate"}),
)
_ALL: Final = (
    Measure(
        key="revenue",
        title="Revenue per customer",
        source=Source.BOOKS,
        how=How.SUM,
        value="revenue",
        kinds=_MEAN,
        is_money=True,
    ),
    Measure(
        key="margin",
        title="Margin per customer",
        source=Source.BOOKS,
        how=How.SUM,
        value="margin",
        kinds=_MEAN,
        scale=_TEN_THOUSAND,
        is_money=True,
    ),
    Measure(
        key="cash", title="Paid per customer", source=Source.BOOKS, how=How.SUM, value="cash", kinds=_MEAN, is_money=True
    ),
    Measure(
        key="refunds",
        title="Customers with a refund or credit note",
        source=Source.BOOKS,
        how=How.ANY,
        value="refunds",
        kinds=_RATE,
        lower_is_better=True,
    ),
    Measure(
        key="spend",
        title="Order value per customer",
        source=Source.ORDERS,
        how=How.SUM,
        value="spend",
        kinds=_MEAN,
        is_money=True,
    ),
    Measure(
        key="orders", title="Customers who ordered", source=Source.ORDERS, how=How.ANY, value="lines", kinds=_RATE
    ),
    Measure(
        key="average_order_value",
        title="Average order value",
        source=Source.ORDERS,
        how=How.RATIO,
        value="spend",
        over="basket",
        kinds=_RATIO,
        is_money=True,
    ),
    Measure(
        key="conversion",
        title="Customers who subscribed or moved up",
        source=Source.STEPS,
        how=How.ANY,
        value="bought",
        kinds=_RATE,
    ),
    Measure(
        key="downgrades",
        title="Customers who moved down",
        source=Source.STEPS,
        how=How.ANY,
        value="lowered",
        kinds=_RATE,
        lower_is_better=True,
    ),
    Measure(
        key="churn",
        title="Subscribers who left",
        source=Source.STEPS,
        how=How.ANY,
        value="ended",
        kinds=_RATE,
        active_only=True,
        lower_is_better=True,
    ),
    Measure(
        key="retention",
        title="Subscribers who stayed",
        source=Source.STEPS,
        how=How.NONE,
        value="ended",
        kinds=_KEPT,
        active_only=True,
    ),
    Measure(
        key="renewal_rate",
        title="Renewals of those due",
        source=Source.RENEWALS,
        how=How.RATIO,
        value="renewed",
        over="due",
        kinds=_RATIO,
    ),
    Measure(
        key="unsubscribes",
        title="Customers who unsubscribed from mails",
        source=Source.LEAVINGS,
        how=How.ANY,
        value="left",
        kinds=_RATE,
        lower_is_better=True,
    ),
    Measure(
        key="support_contacts",
        title="Customers who turned to support",
        source=Source.EVENTS,
        how=How.ANY,
        value="events",
        kinds=_RATE,
        lower_is_better=True,
        event="ticket_opened",
    ),
    Measure(key="event_rate", title="Customers with an event", source=Source.EVENTS, how=How.ANY, value="events", kinds=_RATE),
    Measure(key="event_count", title="Events per customer", source=Source.EVENTS, how=How.SUM, value="events", kinds=_MEAN),
    Measure(
        key="event_sum",
        title="Sum of an event's field per customer",
        source=Source.EVENTS,
        how=How.SUM,
        value="millionths",
        kinds=_MEAN,
        scale=MILLION,
    ),
)  # fmt: skip
MEASURES: Final[Mapping[str, Measure]] = {measure.key: measure for measure in _ALL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A metric of a plan as the store adds it up. `past_days` is None where the past does not help, `window_days` None up to now."""

    key: str
    measure: Measure
    kind: str
    event: str = ""
    field: str = ""
    window_days: int | None = None
    past_days: int | None = None
    winsorise: float | None = None
    quantile: float | None = None


def counted(metric: Mapping[str, Any]) -> Counted:
    """The metric of a plan's document; raises BadExperimentError with what to change."""
    key = str(metric["key"])
    measure = MEASURES.get(str(metric.get("measure") or key))
    if measure is None:
        known = ", ".join(MEASURES)
        raise BadExperimentError(f"{key}: name one of these measures: {known}", metric=key)
    kind = str(metric["kind"])
    if kind not in measure.kinds:
        fitting = " or ".join(sorted(measure.kinds))
        raise BadExperimentError(f"{key}: {measure.key} is judged as {fitting}, not as {kind}", metric=key)
    event, field = str(metric.get("event") or measure.event), str(metric.get("field") or "")
    if (measure.source is Source.EVENTS) != bool(event):
        raise BadExperimentError(f"{key}: a measure of events, and no other, names its type of event", metric=key)
    if (measure.value == "millionths") != bool(field):
        raise BadExperimentError(f"{key}: event_sum, and no other, names the field it adds up", metric=key)
    window = metric.get("window_days")
    has_past = bool(metric.get("uses_past", True)) and measure.how is How.SUM and kind == "mean"
    return Counted(
        key=key,
        measure=measure,
        kind=kind,
        event=event,
        field=field,
        window_days=window,
        past_days=(window or PAST_DAYS) if has_past else None,
        winsorise=metric.get("winsorise") if measure.how in {How.SUM, How.RATIO} else None,
        quantile=metric.get("quantile"),
    )


def by_key(key: str, *, window_days: int | None = None, uses_past: bool = True) -> Counted:
    """A measure as it stands, the way reports that have no plan ask for it; money with its tails pulled in."""
    measure = MEASURES.get(key)
    if measure is None:
        raise BadExperimentError(f"name one of these measures: {', '.join(MEASURES)}", metric=key[:60])
    kind = "ratio" if measure.how is How.RATIO else "mean" if measure.how is How.SUM else "rate"
    winsorise = 0.99 if measure.is_money else None
    return counted(
        {"key": key, "kind": kind, "window_days": window_days, "winsorise": winsorise, "uses_past": uses_past}
    )


def guardrails(named: frozenset[str], *, unit: str, window_days: int | None) -> tuple[dict[str, Any], ...]:
    """What is watched in every experiment even if its plan names nothing, as metrics' documents: who leaves, is refunded, or complains."""
    if unit == "member":
        return ()
    return tuple(
        {"key": key, "kind": "rate", "better": "lower", "margin": 0.1, "window_days": window_days}
        for key in ("churn", "refunds", "downgrades", "unsubscribes", "support_contacts")
        if key not in named
    )
