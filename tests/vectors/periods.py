"""Answers to the cases of anchored periods and time zones."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Cadence, Interval, local_date, zone_of
from billing.kernel.clock import format_instant
from billing.kernel.money import Money
from billing.pricing.proration import Proration, credit_and_debit, days_in
from tests.vectors.case import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from billing.kernel.period import Period
    from tests.vectors.case import Case

_INSTANT = timedelta(microseconds=1)
_FREE = Money.zero("EUR")


def _start_field(case: Case) -> str:
    return next(field for field in ("start", "anchor", "date") if field in case.given)


def _cadence(case: Case) -> Cadence:
    start = case.moment(_start_field(case))
    if "billing_day" in case.given:
        return Cadence.monthly_on(case.given["billing_day"], start, case.zone)
    return Cadence(start, Interval(case.given["interval"]), zone=case.zone)


def _period(case: Case) -> Period:
    """The period that holds `at`, or the one that is billed on `billing_on`, its end."""
    at = case.moment("at") if "at" in case.given else case.moment("billing_on") - _INSTANT
    return _cadence(case).period_at(at)


def _shown(case: Case, at: datetime) -> str:
    """An instant in the form the case is written in: a date where its input is one."""
    is_date = len(case.given[_start_field(case)]) == len("2025-01-31")
    return local_date(at, case.zone).isoformat() if is_date else format_instant(at)


def _period_starts(case: Case) -> list[str]:
    start, cadence = case.moment(_start_field(case)), _cadence(case)
    first = cadence.number_at(start)
    later = [cadence.boundary(first + step) for step in range(1, case.given["count"] + 1)]
    return [_shown(case, at) for at in (start, *later)]


def _next(case: Case) -> str:
    return _shown(case, _cadence(case).period_at(case.moment(_start_field(case))).end)


def _month(case: Case) -> Period:
    """The calendar month the case names, or the last one that had ended at its billing instant, in its zone."""
    if "month" in case.given:
        return Cadence.monthly_on(1, moment(f"{case.given['month']}-01", case.zone), case.zone).period_at(
            moment(f"{case.given['month']}-01", case.zone)
        )
    at = case.moment("billing_instant")
    cadence = Cadence.monthly_on(1, at, case.zone)
    return cadence.period(cadence.number_at(at) - 1)


def _credit(case: Case, policy: Proration) -> int:
    change = credit_and_debit(
        Money(case.given["price_cents"], "EUR"),
        _FREE,
        _month(case),
        case.moment("change_local"),
        zone=case.zone,
        policy=policy,
    )
    return -change.credit.amount_minor


def _days_left(case: Case) -> list[int]:
    month = _month(case)
    rest = month.since(case.moment("change_local"))
    return [days_in(rest, zone=case.zone) if rest else 0, days_in(month, zone=case.zone)]


def _trial_end(case: Case) -> datetime:
    return Cadence(case.moment("start_local"), Interval.DAY, case.given["trial_days"], case.zone).boundary(1)


def _billing_day(case: Case) -> int:
    return local_date(_trial_end(case) if "trial_days" in case.given else case.moment("instant"), case.zone).day


ANCHOR: Mapping[str, Callable[[Case], Any]] = {
    "period_starts": _period_starts,
    "first_period_end_exclusive": _next,
    "next_billing_date": _next,
    "period_start": lambda case: _shown(case, _period(case).start),
    "period_end_exclusive": lambda case: _shown(case, _period(case).end),
    "days_in_period": lambda case: days_in(_period(case), zone=case.zone),
}

TIMEZONE: Mapping[str, Callable[[Case], Any]] = {
    "period_start_utc": lambda case: format_instant(_month(case).start),
    "period_end_utc": lambda case: format_instant(_month(case).end),
    "period_end_exclusive_utc": lambda case: format_instant(_month(case).end),
    "hours_in_month": lambda case: _month(case).microseconds // 3_600_000_000,
    "per_day_remaining": _days_left,
    "per_day_credit_cents": lambda case: _credit(case, Proration.BY_DAY),
    "per_second_credit_cents": lambda case: _credit(case, Proration.BY_SECOND),
    "local_billing_day": _billing_day,
    "trial_end_local": lambda case: _trial_end(case).astimezone(zone_of(case.zone)).replace(tzinfo=None).isoformat(),
    "trial_end_utc": lambda case: format_instant(_trial_end(case)),
}
