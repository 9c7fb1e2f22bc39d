"""The terms of a plan version besides its charges: trial, phases, spending limits, rate limits, seats, further currencies, tax class.

Terms are read from one document, strictly: every error names the field by its path, and decimals come from strings only. They are frozen
with the version; a version from before there were terms reads as `PLAIN`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import Enum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from billing.catalog.terms_fields import (
    TermsError,
    amount,
    amounts,
    choice,
    count,
    documents,
    flag,
    key,
    reject_unknown,
)
from billing.catalog.terms_limits import rate_limits
from billing.kernel.money import exponent

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

MOST_DAYS = 3660
MOST_PERIODS = 1200
MOST_PHASES = 20
MOST_SEATS = 1_000_000
MOST_CURRENCIES = 50
_ALL = 100


class Billing(Enum):
    """Every period, or once, at the start: an add-on that is bought rather than rented."""

    RECURRING = "recurring"
    ONCE = "once"


class QuantityOf(Enum):
    """What is bought: one of the plan, or a number of seats."""

    ONE = "one"
    SEATS = "seats"


class Proration(Enum):
    """What a change in the middle of a period costs: the share by seconds or by calendar days, nothing, or a new full period."""

    BY_SECOND = "by_second"
    BY_DAY = "by_day"
    NONE = "none"
    FULL_RESET = "full_reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """The first `periods` periods, or the next ones: a percent off the fees, or charges that stand in for the plan's own."""

    name: str
    periods: int
    percent_off: Decimal | None = None
    charges: tuple[Mapping[str, Any], ...] | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """`minimum` and `maximum` a period, `thresholds` of progressive billing and spend `alerts`, all in major units of the plan's currency.

    After the last of `phases` the plan itself goes on, open ended. `prices` has the charges in further currencies, by currency.
    """

    trial_days: int = 0
    phases: tuple[Phase, ...] = ()
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    thresholds: tuple[Decimal, ...] = ()
    alerts: tuple[Decimal, ...] = ()
    tax_class: str = "standard"
    tax_inclusive: bool = False
    billing: Billing = Billing.RECURRING
    quantity: QuantityOf = QuantityOf.ONE
    min_seats: int = 1
    max_seats: int | None = None
    proration: Proration = Proration.BY_SECOND
    prices: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict, hash=False)
    rate_limits: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)

    def __post_init__(self) -> None:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise TermsError("the minimum is above the maximum", field="minimum")
        if self.max_seats is not None and self.max_seats < self.min_seats:
            raise TermsError("max_seats is below min_seats", field="max_seats")
        if self.quantity is QuantityOf.ONE and (self.min_seats, self.max_seats) != (1, None):
            raise TermsError("seats are limited where they are sold: set quantity to 'seats'", field="quantity")
        if self.billing is Billing.ONCE and (self.trial_days or self.phases or self.thresholds):
            raise TermsError("what is billed once has no trial, phases or thresholds", field="billing")

    def phase(self, number: int) -> Phase | None:
        """The phase that period `number` (0 is the first) lies in; None once the plan itself runs."""
        for phase in self.phases:
            if number < phase.periods:
                return phase
            number -= phase.periods
        return None

    def to_document(self) -> dict[str, Any]:
        """What `parse_terms` reads back to equal terms; only what differs from `PLAIN` is said."""
        return {
            each.name: _said(getattr(self, each.name))
            for each in fields(self)
            if getattr(self, each.name) != getattr(PLAIN, each.name)
        }


PLAIN = PlanTerms()


def parse_terms(document: Mapping[str, Any]) -> PlanTerms:
    """Terms from their document; a TermsError names the field that is unknown or wrong.

    >>> parse_terms({"trial_days": 14, "thresholds": ["100", "500"]}).thresholds[1]
    Decimal('500')
    >>> parse_terms({}) == PLAIN
    True
    """
    reject_unknown(document, {each.name for each in fields(PlanTerms)}, "")
    return PlanTerms(
        trial_days=count(document, "trial_days", default=0, least=0, most=MOST_DAYS),
        phases=_phases(document),
        minimum=amount(document, "minimum"),
        maximum=amount(document, "maximum"),
        thresholds=_rising(document, "thresholds"),
        alerts=_rising(document, "alerts"),
        tax_class=key(document, "tax_class", default="standard"),
        tax_inclusive=flag(document, "tax_inclusive"),
        billing=choice(document, "billing", Billing.RECURRING),
        quantity=choice(document, "quantity", QuantityOf.ONE),
        min_seats=count(document, "min_seats", default=1, least=1, most=MOST_SEATS),
        max_seats=_most_seats(document),
        proration=choice(document, "proration", Proration.BY_SECOND),
        prices=_prices(document),
        rate_limits=rate_limits(document),
    )


def _rising(document: Mapping[str, Any], name: str) -> tuple[Decimal, ...]:
    values = amounts(document, name)
    if any(value <= 0 for value in values) or any(b <= a for a, b in pairwise(values)):
        raise TermsError(f"{name} are amounts above zero, each above the one before", field=name)
    return values


def _most_seats(document: Mapping[str, Any]) -> int | None:
    if document.get("max_seats") is None:
        return None
    return count(document, "max_seats", default=1, least=1, most=MOST_SEATS)


def _phases(document: Mapping[str, Any]) -> tuple[Phase, ...]:
    found = documents(document, "phases", most=MOST_PHASES)
    return tuple(_phase(each, f"phases.{place}.") for place, each in enumerate(found))


def _phase(document: Mapping[str, Any], path: str) -> Phase:
    reject_unknown(document, {"name", "periods", "percent_off", "charges"}, path)
    percent = amount(document, "percent_off", path)
    if percent is not None and not 0 < percent <= _ALL:
        raise TermsError("percent_off is above 0 and at most 100", field=f"{path}percent_off")
    charges = None if document.get("charges") is None else documents(document, "charges", path=path)
    if (percent is None) == (charges is None):
        raise TermsError("a phase has either percent_off or charges", field=f"{path}percent_off")
    return Phase(
        name=key(document, "name", default="", path=path),
        periods=count(document, "periods", default=0, least=1, most=MOST_PERIODS, path=path),
        percent_off=percent,
        charges=charges,
    )


def _prices(document: Mapping[str, Any]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    raw = document.get("prices")
    if raw is None:
        return {}
    if not hasattr(raw, "items") or len(raw) > MOST_CURRENCIES:
        raise TermsError("prices is an object of charges by currency", field="prices")
    for currency in raw:
        exponent(currency)
    return {currency: documents(raw, currency, path="prices.") for currency in sorted(raw)}


def _said(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Phase):
        return {
            each.name: _said(getattr(value, each.name))
            for each in fields(value)
            if getattr(value, each.name) is not None
        }
    if hasattr(value, "items"):
        return {name: _said(each) for name, each in value.items()}
    if isinstance(value, tuple):
        return [_said(each) for each in value]
    return f"{value:f}" if hasattr(value, "as_tuple") else value
