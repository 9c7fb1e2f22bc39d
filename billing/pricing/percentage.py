"""Percentage: a rate on what events turn over, with a fee, a minimum and a maximum for each event, and a free start.

The events are free as long as both limits of the free start hold: their number (`free_events`) and their sum (`free_amount`); a limit of
zero is none. The event that passes the sum pays for what lies above it, and ends the free start. An event below zero is a refund: it takes
back its rate (at most the maximum) but no fee, no minimum and no part of the free start; the bill never goes below zero. Events come in the
order in which they happened.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Self

from billing.kernel.money import format_quantity
from billing.pricing.charge import ChargeModel, Needs, Usage, UsageError
from billing.pricing.document import ChargeError, check_fields, decimal_field, optional_decimal_field
from billing.pricing.rated import Rated, TraceStep, exact_text, price_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_NOTHING = Fraction(0)
_MOST_EVENTS = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentage(ChargeModel):
    """`rate_percent` of each event's value and `fixed_per_event`, within `per_event_min` and `per_event_max`, all in major units.

    Two payments of 100 and 300 at 3 % and 0.25 each, the first one free.

    >>> model = Percentage(rate_percent=Decimal(3), fixed_per_event=Decimal("0.25"), free_events=1)
    >>> model.rate_usage(Usage(Decimal(400), (Decimal(100), Decimal(300))), "EUR").money().text
    '9.25'
    """

    model: ClassVar[str] = "percentage"
    needs: ClassVar[Needs] = Needs.EVENTS
    rate_percent: Decimal
    fixed_per_event: Decimal = Decimal(0)
    free_events: int | None = None
    free_amount: Decimal | None = None
    per_event_min: Decimal | None = None
    per_event_max: Decimal | None = None

    def __post_init__(self) -> None:
        low, high = self.per_event_min, self.per_event_max
        if low is not None and high is not None and high < low:
            raise ChargeError(
                "the maximum of an event is not below its minimum", field="per_event_max", value=str(high)
            )

    @classmethod
    def parse(cls, document: Mapping[str, Any]) -> Self:
        """From `{"model": "percentage", "rate_percent": "1.3", "free_events": 3, ...}`; all but the rate may be left out or null."""
        optional = {field.name for field in fields(cls)} - {"rate_percent"}
        check_fields(document, required={"model", "rate_percent"}, optional=optional)
        return cls(
            rate_percent=decimal_field(document, "rate_percent"),
            fixed_per_event=optional_decimal_field(document, "fixed_per_event") or Decimal(0),
            free_events=_count(document.get("free_events")),
            free_amount=optional_decimal_field(document, "free_amount"),
            per_event_min=optional_decimal_field(document, "per_event_min"),
            per_event_max=optional_decimal_field(document, "per_event_max"),
        )

    def to_document(self) -> dict[str, Any]:
        """The document that `parse` reads back."""
        document: dict[str, Any] = {"model": self.model}
        for field in fields(self):
            value = getattr(self, field.name)
            document[field.name] = format_quantity(value) if isinstance(value, Decimal) else value
        return document

    def rate(self, quantity: Decimal, currency: str) -> Rated:
        """The price of a sum, where no rule looks at single events; UsageError where one does and something was used."""
        return self.rate_usage(Usage(quantity), currency)

    def rate_usage(self, usage: Usage, currency: str) -> Rated:
        """The price of the events in `usage.values`; a further event, or a larger one, never lowers it."""
        values = [Fraction(value) for value in usage.values]
        if not values and usage.quantity:
            values = [self._whole(usage.quantity)]
        rated = Rated(currency=currency, trace=tuple(self._steps([*self._prices(values)], currency)))
        if rated.exact >= 0:
            return rated
        return rated.then([TraceStep(rule="floor", detail="never below zero", amount=-rated.exact)])

    def _whole(self, quantity: Decimal) -> Fraction:
        if self.fixed_per_event or self.free_events or self.per_event_min or self.per_event_max is not None:
            raise UsageError("this percentage prices single events, and only their sum was given", model=self.model)
        return Fraction(quantity)

    def _prices(self, values: Sequence[Fraction]) -> Iterator[_EventPrice]:
        events_left, amount_left = self._free_start(values)
        for value in values:
            open_ = value >= 0 and events_left > 0 and amount_left > 0
            free = min(value, amount_left) if open_ else _NOTHING
            events_left -= open_
            amount_left -= free
            yield _EventPrice(free, _NOTHING) if open_ and free == value else self._price(value, free)

    def _free_start(self, values: Sequence[Fraction]) -> tuple[int, Fraction]:
        """How many events and which sum are free; a limit that is absent or zero is one that these events cannot reach."""
        if not self.free_events and not self.free_amount:
            return 0, _NOTHING
        unreachable = sum((value for value in values if value > 0), Fraction(1))
        return self.free_events or len(values), Fraction(self.free_amount) if self.free_amount else unreachable

    def _price(self, value: Fraction, free: Fraction) -> _EventPrice:
        charged = value - free
        high = None if self.per_event_max is None else Fraction(self.per_event_max)
        if value < 0:
            raw = charged * self._rate
            lowest = raw if high is None else max(raw, -high)
            return _EventPrice(free, charged, lowered=lowest - raw)
        raw = charged * self._rate + Fraction(self.fixed_per_event)
        raised = max(Fraction(self.per_event_min or 0) - raw, _NOTHING)
        lowered = _NOTHING if high is None else min(high - raw - raised, _NOTHING)
        return _EventPrice(free, charged, Fraction(self.fixed_per_event), raised, lowered)

    @property
    def _rate(self) -> Fraction:
        return Fraction(self.rate_percent) / 100

    def _steps(self, prices: Sequence[_EventPrice], currency: str) -> Iterator[TraceStep]:
        """One step a rule, over all events, so that the explanation stays short however many there were."""
        free = sum((price.free for price in prices), _NOTHING)
        charged = sum((price.charged for price in prices), _NOTHING)
        if self.free_events or self.free_amount:
            yield TraceStep(rule="free", detail="the free start", quantity=free, amount=_NOTHING)
        yield TraceStep(
            rule="percentage",
            detail=f"{format_quantity(self.rate_percent)} % of {exact_text(charged)}",
            quantity=charged,
            amount=charged * self._rate,
        )
        paying = Fraction(sum(1 for price in prices if price.fixed))
        if paying:
            fixed, each = Fraction(self.fixed_per_event), "for each event that is not free"
            yield TraceStep(
                rule="per_event", detail=each, quantity=paying, unit_price=self.fixed_per_event, amount=paying * fixed
            )
        for rule, limit, changes in (
            ("per_event_min", self.per_event_min, [price.raised for price in prices if price.raised]),
            ("per_event_max", self.per_event_max, [price.lowered for price in prices if price.lowered]),
        ):
            if changes and limit is not None:
                detail = f"{price_text(limit, currency)} for each event, which changes {len(changes)} of {len(prices)}"
                yield TraceStep(rule=rule, detail=detail, amount=sum(changes, _NOTHING))


@dataclass(frozen=True, slots=True)
class _EventPrice:
    """What one event adds: the free and the charged part of its value, and in money its fee and what the limits changed."""

    free: Fraction
    charged: Fraction
    fixed: Fraction = _NOTHING
    raised: Fraction = _NOTHING
    lowered: Fraction = _NOTHING


def _count(raw: object) -> int | None:
    if raw is None:
        return None
    if type(raw) is not int or not 0 <= raw <= _MOST_EVENTS:
        raise ChargeError("free_events is a whole number, zero or more", field="free_events", value=repr(raw)[:60])
    return raw
