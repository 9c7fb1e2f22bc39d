"""Answers to the cases of aggregation: the case's events become readings, and meters measure them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.kernel.money import round_minor
from billing.kernel.period import Period
from billing.metering.aggregate import quantity
from billing.metering.aggregations.weighted import average_level, level_at_end
from billing.metering.measured import Need, measure
from billing.metering.reading import Reading
from tests.vectors.case import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

_DAY_ONE = datetime(2001, 1, 1, tzinfo=UTC)
_NAMES = {"unique_count": Aggregation.UNIQUE}
_PLACES = Decimal("1e-10")


def _meter(case: Case) -> Meter:
    kind = case.given["type"]
    aggregation = _NAMES.get(kind) or Aggregation(kind)
    operation = "op" if aggregation is Aggregation.UNIQUE else None
    return Meter(key="m", name="M", event_type="e", aggregation=aggregation, prop="value", operation=operation)


def _period(case: Case) -> Period:
    if "period" not in case.given:
        return Period(_DAY_ONE, _DAY_ONE + timedelta(days=31))
    start, end = case.given["period"]
    return Period(moment(start, case.zone), moment(end, case.zone))


def _sent(case: Case) -> list[dict[str, Any]]:
    return list(case.given.get("events_in_arrival_order") or case.given["events"])


def _kept(case: Case) -> dict[str, dict[str, Any]]:
    """The events that count, by identity: a repeat is not taken, and what is amended is replaced."""
    kept: dict[str, dict[str, Any]] = {}
    for number, event in enumerate(_sent(case)):
        name = event.get("amends") or event.get("transaction_id") or event.get("id") or f"{number:04}"
        if "amends" in event or name not in kept:
            kept[name] = event
    return kept


def _readings(case: Case) -> list[Reading]:
    readings = [
        Reading(
            moment(event["at"], case.zone) if "at" in event else _DAY_ONE,
            ("case", name),
            event.get("value", event.get("delta", event.get("v"))),
            event,
        )
        for name, event in _kept(case).items()
    ]
    carried = case.given.get("carried_in")
    if carried is not None:
        readings.append(Reading(_period(case).start - timedelta(days=1), ("case", "carried in"), carried))
    return readings


def _value(case: Case) -> Decimal:
    return measure(_meter(case), _readings(case), Need(), _period(case)).quantity


def _amount_cents(case: Case) -> int:
    return round_minor(Fraction(_value(case)) * Fraction(case.given["unit_price"]) * 100)


def _seconds_to_end(case: Case) -> list[Fraction]:
    """What one unit added at each event weighs, read back as seconds."""
    period = _period(case)
    weights = [
        average_level([Reading(reading.at, reading.order, 1)], period)
        for reading in sorted(_readings(case), key=lambda reading: reading.at)
    ]
    return [weight * Fraction(period.microseconds, 10**6) for weight in weights]


AGGREGATION: Mapping[str, Callable[[Case], Any]] = {
    "value": lambda case: quantity(_meter(case), _readings(case), _period(case)),
    "units_10dp": lambda case: _value(case).quantize(_PLACES),
    "amount_cents": _amount_cents,
    "level_at_end": lambda case: level_at_end(_readings(case), _period(case)),
    "seconds_to_end": _seconds_to_end,
    "audit_rows": lambda case: len(_sent(case)),
}
