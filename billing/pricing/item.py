"""A priced line on its way to an invoice, in minor units: what was taken off it, by which rule, and how it is taxed.

The priced line is never changed; its net is its amount less its cuts, and a cut never takes more than is left of a line above zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money
from billing.pricing.rated import TraceStep
from billing.pricing.tax import UNTAXED, TaxTreatment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.pricing.quote import PricedLine

_ANY: frozenset[str] = frozenset()


class CutError(InvalidError):
    """A discount or limit that would take more off a line than the line has."""

    code = "invalid_cut"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What one rule (a coupon, a spending limit) took off a line: zero or more, in the line's currency."""

    rule: str
    key: str
    detail: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A priced line with the plan it belongs to, its tax treatment and its cuts, in the order they were made.

    A promised one is taxed and otherwise left alone: its price was agreed for it by itself.
    """

    line: PricedLine
    plan: str | None = None
    tax: TaxTreatment = UNTAXED
    cuts: tuple[Cut, ...] = ()
    is_promised: bool = False

    @property
    def net(self) -> Money:
        """The line's amount less its cuts; negative only where the line itself is a credit."""
        return self.line.amount - sum_of((cut.amount for cut in self.cuts), self.line.amount.currency)

    def less(self, cut: Cut) -> Item:
        """The item with one more cut; a cut of nothing is left out, one beyond what is left is a CutError."""
        if cut.amount.amount_minor == 0:
            return self
        if cut.amount.amount_minor < 0 or cut.amount > self.net:
            raise CutError(f"{cut.amount} cannot be taken off a line of {self.net}", key=cut.key, line=self.line.key)
        return replace(self, cuts=(*self.cuts, cut))

    def net_line(self) -> PricedLine:
        """The line after its cuts. Its trace adds up to its amount exactly: the rating, the one rounding, then each cut."""
        if not self.cuts:
            return self.line
        rounded = Fraction(self.line.amount.to_decimal())
        residue = rounded - sum((step.amount for step in self.line.trace), Fraction(0))
        steps = [TraceStep(rule="rounding", detail="rounded once, at the line", amount=residue)] if residue else []
        steps += [
            TraceStep(rule=cut.rule, detail=cut.detail, amount=-Fraction(cut.amount.to_decimal())) for cut in self.cuts
        ]
        return replace(self.line, amount=self.net, trace=(*self.line.trace, *steps))


@dataclass(frozen=True, slots=True)
class Scope:
    """Which lines a coupon or a spending limit is about: by plan and by charge key; an empty set means every one."""

    plans: frozenset[str] = _ANY
    charges: frozenset[str] = _ANY

    def covers(self, item: Item) -> bool:
        """Whether the item's plan and charge are both meant; a promised price is never."""
        meant = (not self.plans or item.plan in self.plans) and (not self.charges or item.line.key in self.charges)
        return meant and not item.is_promised


EVERYTHING = Scope()


def sum_of(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of amounts in one currency, zero of it when there are none."""
    return sum(amounts, Money.zero(currency))


def net_of(items: Iterable[Item], currency: str) -> Money:
    """What the items come to after their cuts."""
    return sum_of((item.net for item in items), currency)


def spread(items: Sequence[Item], scope: Scope, cut: Cut) -> tuple[Item, ...]:
    """The items with `cut` shared over those in scope that are above zero, in proportion to their nets, losing nothing.

    The cut is at most what the items in scope come to, so by largest remainder no line goes below zero.
    """
    places = [place for place, item in enumerate(items) if scope.covers(item) and item.net.amount_minor > 0]
    if cut.amount.amount_minor == 0:
        return tuple(items)
    if not places:
        raise CutError(f"there is no line above zero to take {cut.amount} off", key=cut.key)
    parts = cut.amount.allocate([items[place].net.amount_minor for place in places])
    after = list(items)
    for place, part in zip(places, parts, strict=True):
        after[place] = items[place].less(replace(cut, amount=part))
    return tuple(after)
