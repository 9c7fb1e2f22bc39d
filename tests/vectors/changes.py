"""Answers to the cases of proration and plan changes: each shape of input becomes one change, which every answer reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money, round_minor
from billing.kernel.period import Period
from billing.pricing.proration import CreditAndDebit, Proration, credit_and_debit, days_in, periods_in, share_of
from billing.pricing.recurring import RecurringPrice, direction
from tests.vectors.case import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

_POLICIES = {"per_second": Proration.BY_SECOND, "per_day": Proration.BY_DAY}
_DAY_ONE = datetime(2001, 1, 1, tzinfo=UTC)
_LEFT = ("days_billed", "days_left", "unused_days", "remaining_days")
_WHOLE = ("days_in_period", "total_days")
_OLD = ("old_price_cents", "old_amount")
_NEW = ("new_price_cents", "new_amount", "price_cents", "amount")


@dataclass(frozen=True, slots=True)
class _Change:
    old: Money
    new: Money
    whole: Period
    rest: Period
    zone: str
    policy: Proration

    def lines(self) -> CreditAndDebit:
        return credit_and_debit(self.old, self.new, self.whole, self.rest.start, zone=self.zone, policy=self.policy)


def _change(case: Case) -> _Change:
    whole = _whole(case)
    return _Change(_price(case, _OLD), _price(case, _NEW), whole, _rest(case, whole), case.zone, _policy(case))


def _policy(case: Case) -> Proration:
    if case.given.get("cycle_reset"):
        return Proration.FULL_RESET
    if case.given.get("fixed_days_in_month"):
        return Proration.BY_THIRTIETH
    return _POLICIES[case.given.get("method", "per_day")]


def _price(case: Case, fields: tuple[str, ...]) -> Money:
    field = next((field for field in fields if field in case.given), None)
    if field is None:
        return Money.zero("EUR")
    value = case.given[field]
    return Money(value, "EUR") if field.endswith("_cents") else Money.of(value, "EUR")


def _whole(case: Case) -> Period:
    days = next((case.given[field] for field in _WHOLE if field in case.given), None)
    if days is not None:
        return Period(_DAY_ONE, _DAY_ONE + timedelta(days=days))
    for field in ("full_period", "period"):
        if field in case.given:
            return _span(case, field)
    end = "period_end_exclusive" if "period_end_exclusive" in case.given else "period_end"
    return Period(case.moment("period_start"), case.moment(end))


def _rest(case: Case, whole: Period) -> Period:
    left = next((case.given[field] for field in _LEFT if field in case.given), None)
    if left is not None:
        return Period(whole.end - timedelta(days=left), whole.end)
    if "service_period" in case.given:
        return _span(case, "service_period")
    if "from" in case.given:
        return Period(case.moment("from"), case.moment("to_exclusive"))
    return Period(case.moment("change_at" if "change_at" in case.given else "change_on"), whole.end)


def _span(case: Case, field: str) -> Period:
    start, end = case.given[field]
    return Period(moment(start, case.zone), moment(end, case.zone))


def _share(case: Case) -> Fraction:
    change = _change(case)
    return share_of(change.rest, change.whole, zone=change.zone, policy=change.policy)


def _days(case: Case, period: Period) -> int:
    policy = _policy(case)
    return days_in(period, zone=case.zone, policy=Proration.BY_DAY if policy is Proration.BY_SECOND else policy)


def _tax(case: Case) -> Money:
    return _change(case).lines().debit.prorate(Fraction(case.given["tax_percent"]) / 100)


def _nine(value: Fraction) -> Fraction:
    """A ratio as the source prints it, to nine decimals."""
    return Fraction(round_minor(value * 10**9), 10**9)


def _pieces(case: Case) -> list[tuple[Period, Period, Fraction]]:
    """The pieces of a span along the billing day: a leading stub, whole periods, a trailing stub."""
    interval = {"annual": Interval.YEAR, "monthly": Interval.MONTH}[case.given["interval"]]
    start = case.moment("start")
    anchor = start.replace(day=case.given["billing_day"])
    span = Period(start, case.moment("end_exclusive"))
    return periods_in(Cadence(anchor, interval, zone=case.zone), span, policy=Proration.BY_DAY)


def _price_of(case: Case, which: str) -> RecurringPrice:
    monthly = f"{which}_monthly"
    if monthly in case.given:
        return RecurringPrice(Money.of(case.given[monthly], "EUR"), Interval.MONTH)
    return RecurringPrice(Money.of(case.given[f"{which}_price"], "EUR"), Interval(case.given[f"{which}_interval"]))


PRORATION: Mapping[str, Callable[[Case], Any]] = {
    "remaining_seconds": lambda case: _change(case).rest.microseconds // 1_000_000,
    "total_seconds": lambda case: _change(case).whole.microseconds // 1_000_000,
    "remaining_days": lambda case: _days(case, _change(case).rest),
    "total_days": lambda case: _days(case, _change(case).whole),
    "credit_cents": lambda case: -_change(case).lines().credit.amount_minor,
    "debit_cents": lambda case: _change(case).lines().debit.amount_minor,
    "net_cents": lambda case: _change(case).lines().net.amount_minor,
    "credit": lambda case: (-_change(case).lines().credit).text,
    "debit": lambda case: _change(case).lines().debit.text,
    "net": lambda case: _change(case).lines().net.text,
    "amount_cents": lambda case: _change(case).lines().debit.amount_minor,
    "amount": lambda case: _change(case).new.prorate(_share(case)).text,
    "new_prorated_cents": lambda case: _change(case).lines().debit.amount_minor,
    "already_paid_cents": lambda case: -_change(case).lines().credit.amount_minor,
    "due_cents": lambda case: _change(case).lines().net.amount_minor,
    "subtotal_cents": lambda case: _change(case).lines().debit.amount_minor,
    "tax_cents": lambda case: _tax(case).amount_minor,
    "total_cents": lambda case: (_change(case).lines().debit + _tax(case)).amount_minor,
    "days": lambda case: _days(case, _change(case).rest),
    "denominator": lambda case: _days(case, _change(case).whole),
    "ratio_9dp": lambda case: _nine(_share(case)),
    "leading_days": lambda case: days_in(_pieces(case)[0][0], zone=case.zone),
    "leading_denominator": lambda case: days_in(_pieces(case)[0][1], zone=case.zone),
    "whole_periods": lambda case: sum(1 for _, _, share in _pieces(case) if share == 1),
    "trailing_days": lambda case: days_in(_pieces(case)[-1][0], zone=case.zone),
    "trailing_denominator": lambda case: days_in(_pieces(case)[-1][1], zone=case.zone),
    "cycles_9dp": lambda case: sum(_nine(share) for _, _, share in _pieces(case)),  # the source adds printed pieces
}

PLAN_CHANGE: Mapping[str, Callable[[Case], Any]] = {
    "kind": lambda case: direction(_price_of(case, "old"), _price_of(case, "new")).value,
    "normalised_monthly": lambda case: _price_of(case, "new").minor_per_month / 100,
}
