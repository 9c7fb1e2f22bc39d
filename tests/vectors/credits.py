"""Answers to the cases of credits: grants, what is used of them, and what is left; free units go to the pre-steps of rating."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money, format_quantity
from billing.pricing.conversion import FreeUnits
from billing.wallets.grant import Credits, Grant, GrantKind
from billing.wallets.purse import Moved, Purse, added, advanced, spent
from billing.wallets.recurrence import Recurrence, Rollover

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

_START = datetime(2025, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_NOTHING = Money(0, "EUR")


def _money(case: Case, field: str) -> Money:
    return Money.of(str(case.given.get(field, "0")), "EUR")


def _empty(*, floor: Money = _NOTHING, recurrences: tuple[Recurrence, ...] = ()) -> Purse:
    return Purse(floor=floor, overdrawn=_NOTHING, recurrences=recurrences)


def _recurring(case: Case) -> Recurrence:
    rollover = Rollover(least=_money(case, "rollover_min"), most=_money(case, "rollover_max"))
    cadence = Cadence(_START, Interval.DAY)
    return Recurrence(id="rule", key="rule", amount=_money(case, "grant"), cadence=cadence, rollover=rollover)


def _after_reset(case: Case) -> str:
    """The rest that goes over; the grant of the next period comes on top of it and is not asked about."""
    rule = _recurring(case)
    used = spent(advanced(_empty(recurrences=(rule,)), _START), _money(case, "usage"), _START, "usage")
    after = advanced(used.purse, _START + _DAY).purse.balance(_START + _DAY)
    return (after - rule.amount).text


def _balance(case: Case) -> str:
    if case.given.get("recurrence") == "daily":
        usage = _money(case, "usage_first_day")
        purse = _empty(floor=-usage, recurrences=(_recurring(case),))  # overage burns what comes later
        used = spent(advanced(purse, _START), usage, _START, "usage")
        hour_two = _START + _DAY + timedelta(hours=1)
        return advanced(used.purse, hour_two).purse.balance(hour_two).text
    starts = _START + case.given.get("effective_in_days", 0) * _DAY
    asked = _START + case.given.get("as_of_days", 0) * _DAY
    amount = _money(case, "grant")
    grant = Grant(
        id="grant",
        key="grant",
        kind=GrantKind.PAID,
        amount=amount,
        remaining=amount,
        starts_at=starts,
        created_at=_START,
    )
    used = spent(added(Moved(_empty()), grant, _START), _money(case, "usage"), _START, "usage")
    return used.purse.balance(asked).text


def _free(case: Case) -> FreeUnits:
    return FreeUnits(Decimal(case.given["free_units"]))


def _line(case: Case) -> tuple[Decimal, Decimal]:
    prior = Decimal(case.given["already_invoiced_units"])
    return _free(case).split(Decimal(case.given["line_units"]), before=prior)


CREDITS: Mapping[str, Callable[[Case], Any]] = {
    "balance_after_reset": _after_reset,
    "balance": _balance,
    "billable_line_units": lambda case: format_quantity(_line(case)[0]),
    "billable_prior_units": lambda case: format_quantity(
        _free(case).billable(Decimal(case.given["already_invoiced_units"]))
    ),
    "free_used_now": lambda case: format_quantity(_line(case)[1]),
    "balance_amount": lambda case: (
        Credits(count=Decimal(case.given["paid_credits"]), rate=Decimal(case.given["rate_amount"]))
        .worth(case.given["currency"])
        .text
    ),
}
