"""What a charge model answers: an exact amount in major units, as the steps that add up to it.

The amount is the sum of its steps by construction, so an explanation can never disagree with the money. Nothing here is rounded but
the final `money`, and texts for people, which show at most 12 decimals.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Context, Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.money import Money, Rounding, exponent, format_quantity, round_minor

if TYPE_CHECKING:
    from collections.abc import Iterable

_SHOWN_DECIMALS = 12
_WIDE = Context(prec=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One step of an explanation: the rule applied, in words, and what it added (or took, below zero) in major units."""

    rule: str
    detail: str
    amount: Fraction
    quantity: Fraction | None = None
    unit_price: Decimal | None = None

    def to_document(self) -> dict[str, Any]:
        """The JSON form; decimals are strings, and what the step does not have is left out."""
        document = {"rule": self.rule, "detail": self.detail, "amount": exact_text(self.amount)}
        if self.quantity is not None:
            document["quantity"] = exact_text(self.quantity)
        if self.unit_price is not None:
            document["unit_price"] = format_quantity(self.unit_price)
        return document


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """An exact amount of `currency` and its explanation; `unit_price` only where one price held for every unit."""

    currency: str
    trace: tuple[TraceStep, ...]
    unit_price: Decimal | None = None

    @property
    def exact(self) -> Fraction:
        """The amount in major units, unrounded: the sum of the steps."""
        return sum((step.amount for step in self.trace), Fraction(0))

    def then(self, steps: Iterable[TraceStep]) -> Rated:
        """The same with further steps: where shares of a period, and later discounts and spend limits, come in."""
        return replace(self, trace=(*self.trace, *steps))

    def money(self, rounding: Rounding = Rounding.HALF_UP) -> Money:
        """The line's amount: the one place where it is rounded to the minor unit."""
        return Money.round(self.exact, self.currency, rounding)


def share_step(exact: Fraction, share: Fraction) -> TraceStep:
    """The step that brings `exact` down to `share` of it.

    >>> share_step(Fraction(30), Fraction(1, 3)).amount
    Fraction(-20, 1)
    """
    percent = exact_text(Fraction(round_minor(share * 10_000), 100))
    detail = f"{percent} % of the whole period ({share}) counts"
    return TraceStep(rule="share", detail=detail, amount=exact * share - exact)


def exact_text(value: Fraction) -> str:
    """A fraction for people: plain digits, at most 12 decimals, half away from zero.

    >>> exact_text(Fraction(3, 8)), exact_text(Fraction(-1, 3))
    ('0.375', '-0.333333333333')
    """
    return format_quantity(Decimal(round_minor(value * 10**_SHOWN_DECIMALS)).scaleb(-_SHOWN_DECIMALS, _WIDE))


def price_text(price: Decimal, currency: str) -> str:
    """A unit price for people: all its digits, and never fewer than the currency has.

    >>> price_text(Decimal("1.5"), "HUF"), price_text(Decimal("0.00012"), "USD"), price_text(Decimal("7"), "JPY")
    ('1.50', '0.00012', '7')
    """
    text = format_quantity(price)
    digits = len(text.partition(".")[2])
    missing = exponent(currency) - digits
    if missing <= 0:
        return text
    return f"{text}{'' if digits else '.'}{'0' * missing}"
