"""Commitments: the least and the most that a period may cost, and prices beyond what was committed; limits in minor units.

A minimum adds one true-up line for what is missing, once the period is over; a maximum takes what is above it off the lines, shared so
that the parts add up. What earlier invoices of the same period billed counts towards both, so a split period pays a minimum once.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, format_quantity
from billing.pricing.item import EVERYTHING, Cut, Item, Scope, net_of, spread
from billing.pricing.quote import PricedLine
from billing.pricing.rated import TraceStep, price_text, share_step
from billing.pricing.tax import UNTAXED, TaxTreatment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.kernel.period import Period
    from billing.pricing.rated import Rated

_WHOLE = Fraction(1)
_ONE = Decimal(1)
MAXIMUM = "maximum"  # the rule of a cut that a spending limit made


class CommitmentError(InvalidError):
    """Limits of a spend that contradict each other or the period."""

    code = "invalid_commitment"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendLimits:
    """The least and the most that the lines in scope may come to in a whole period, before invoice discounts and tax.

    `share` (above 0, at most 1) is the part of the period that counts; both limits shrink with it. `already_billed` is what earlier
    invoices of this period charged in scope. `plan` and `tax` are those of the true-up line.
    """

    key: str
    currency: str
    minimum: Money | None = None
    maximum: Money | None = None
    share: Fraction = _WHOLE
    already_billed: Money | None = None
    scope: Scope = EVERYTHING
    plan: str | None = None
    tax: TaxTreatment = UNTAXED
    description: str = "Minimum spend"

    def __post_init__(self) -> None:
        given = [money for money in (self.minimum, self.maximum, self.already_billed) if money is not None]
        if any(money.currency != self.currency for money in given):
            raise CommitmentError("the limits of a spend share its currency", key=self.key, currency=self.currency)
        if any(money.amount_minor < 0 for money in given):
            raise CommitmentError("limits and what was billed are zero or more", key=self.key)
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise CommitmentError("the minimum is at most the maximum", key=self.key)
        if not 0 < self.share <= 1:
            raise CommitmentError("the share of a period is above 0 and at most 1", key=self.key, share=str(self.share))

    @property
    def billed_before(self) -> Money:
        """What earlier invoices of the period charged."""
        return self.already_billed or Money.zero(self.currency)

    @property
    def room(self) -> Money | None:
        """What the lines in scope may still come to, zero or more; None without a maximum."""
        if self.maximum is None:
            return None
        return max(self.maximum.prorate(self.share) - self.billed_before, Money.zero(self.currency))

    def spent(self, items: Sequence[Item]) -> Money:
        """What the lines in scope come to after their cuts."""
        return net_of((item for item in items if self.scope.covers(item)), self.currency)


def cap(items: Sequence[Item], limits: SpendLimits) -> tuple[Item, ...]:
    """The items with what is above the maximum taken off those in scope; without a maximum they are as they were."""
    room = limits.room
    if room is None:
        return tuple(items)
    spent = limits.spent(items)
    if spent <= room:
        return tuple(items)
    detail = f"{limits.key}: at most {limits.maximum} a period{_part(limits.share)}"
    return spread(items, limits.scope, Cut(rule=MAXIMUM, key=limits.key, detail=detail, amount=spent - room))


def true_up(items: Sequence[Item], limits: SpendLimits, *, period: Period | None = None) -> Item | None:
    """The line for what is missing to the minimum of a period that is over, or None where nothing is.

    Call it for the last invoice of a period only: on an earlier one nobody knows yet what will be missing.
    """
    if limits.minimum is None:
        return None
    steps = _true_up_steps(limits.minimum, limits.spent(items), limits)
    amount = Money.round(sum((step.amount for step in steps), Fraction(0)), limits.currency)
    if amount.amount_minor <= 0:
        return None
    line = PricedLine(
        key=limits.key,
        description=limits.description,
        quantity=_ONE,
        unit_price=None,
        amount=amount,
        period=period,
        trace=steps,
    )
    return Item(line=line, plan=limits.plan, tax=limits.tax)


def with_commitment(rated: Rated, committed: Decimal, *, overage: Decimal = _ONE, must_pay: bool = True) -> Rated:
    """The price where `committed` major units were promised: above, the rest costs `overage` times; below, the rest is still paid.

    >>> from billing.pricing.per_unit import PerUnit
    >>> at_base = PerUnit(Decimal(1)).rate(Decimal(1200), "EUR")
    >>> with_commitment(at_base, Decimal(1000), overage=Decimal("1.5")).money().text
    '1300.00'
    """
    if committed < 0 or overage < 0:
        raise CommitmentError("a commitment and its overage factor are zero or more", committed=str(committed))
    beyond = rated.exact - Fraction(committed)
    promised = price_text(committed, rated.currency)
    if beyond > 0 and overage != _ONE:
        detail = f"{format_quantity(overage)} times the price beyond the commitment of {promised}"
        return rated.then([TraceStep(rule="overage", detail=detail, amount=beyond * (Fraction(overage) - 1))])
    if beyond < 0 and must_pay:
        detail = f"what is missing to the commitment of {promised}"
        return rated.then([TraceStep(rule="commitment", detail=detail, amount=-beyond)])
    return rated


def _true_up_steps(minimum: Money, spent: Money, limits: SpendLimits) -> tuple[TraceStep, ...]:
    whole = Fraction(minimum.to_decimal())
    steps = [TraceStep(rule="minimum", detail=f"at least {minimum} a period", amount=whole)]
    if limits.share != _WHOLE:
        steps.append(share_step(whole, limits.share))
    counted = (("billed", "charged on this invoice", spent), ("billed_before", "charged before", limits.billed_before))
    steps += [
        TraceStep(rule=rule, detail=detail, amount=-Fraction(money.to_decimal()))
        for rule, detail, money in counted
        if money.amount_minor
    ]
    return tuple(steps)


def _part(share: Fraction) -> str:
    return "" if share == _WHOLE else f", of which {share} counts"
