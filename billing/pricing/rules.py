"""Declared price rules: by whom, where, when and in which arm of an experiment a charge costs something else. Pure and total.

Rules are tried in the order they are declared and the first that matches counts. What it did is a step of the line's explanation, with the
facts that matched. `floor` and `ceiling` bound the price of a unit whatever rules do; without a rule that matches they change nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.money import format_quantity
from billing.pricing.document import ChargeError, check_fields, decimal_field, text_field
from billing.pricing.rated import TraceStep

if TYPE_CHECKING:
    from decimal import Decimal

    from billing.pricing.context import PricingContext

MOST_RULES = 50
_WHEN = {"segment", "country", "region", "committed_at_least", "hours", "experiment"}
_HOUR = re.compile(r"([01][0-9]|2[0-3]):00", re.ASCII)
_ALL = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRule:
    """Where every condition that is given holds, the amount is `factor` times the base price, or the price is the document `price`.

    `hours` are the local hours of usage (0 to 23) it is about; `experiment` maps an experiment's key to the arm.
    """

    name: str
    factor: Decimal | None = None
    price: Mapping[str, Any] | None = field(default=None, hash=False)
    segments: frozenset[str] = frozenset()
    countries: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    committed_at_least: Decimal | None = None
    hours: frozenset[int] = frozenset()
    experiment: tuple[tuple[str, str], ...] = ()
    document: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)

    def matches(self, context: PricingContext, hour: int | None = None) -> tuple[str, ...] | None:
        """The facts that matched, in words, or None. A rule about hours matches usage of one of its hours only."""
        facts: list[str] = []
        for known, wanted, words in (
            (context.segments, self.segments, "segment"),
            (frozenset({context.country}), self.countries, "country"),
            (frozenset({context.region}), self.regions, "region"),
        ):
            if wanted:
                met = sorted(known & wanted)
                if not met:
                    return None
                facts.append(f"{words} {met[0]}")
        if self.committed_at_least is not None:
            if context.committed is None or context.committed < self.committed_at_least:
                return None
            facts.append(f"commitment of {format_quantity(context.committed)}")
        for key, arm in self.experiment:
            if context.arms.get(key) != arm:
                return None
            facts.append(f"experiment {key}, arm {arm}")
        if self.hours:
            if hour not in self.hours:
                return None
            facts.append(f"used between {_span(self.hours)}")
        return tuple(facts)

    def step(self, exact: Fraction, facts: Sequence[str]) -> TraceStep:
        """The step that brings a base amount to the rule's; for a replaced price it only says so."""
        factor = Fraction(1) if self.factor is None else Fraction(self.factor)
        what = "another price" if self.factor is None else f"{format_quantity(self.factor)} times the price"
        return TraceStep(
            rule="rule",
            detail=f"{self.name}: {what} ({', '.join(facts) or 'for everybody'})",
            amount=exact * (factor - 1),
        )


def parse_rules(documents: Any) -> tuple[PriceRule, ...]:
    """Rules from `[{"name", "when": {...}, "then": {"multiply": "0.9"} | {"percent_off": "10"} | {"price": {...}}}]`."""
    if documents is None:
        return ()
    if not isinstance(documents, Sequence) or isinstance(documents, str) or len(documents) > MOST_RULES:
        raise ChargeError(f"rules is a list of at most {MOST_RULES}", field="rules")
    return tuple(_rule(document, place) for place, document in enumerate(documents))


def bounds_step(
    exact: Fraction, quantity: Fraction, floor: Decimal | None, ceiling: Decimal | None
) -> TraceStep | None:
    """What brings a ruled amount back between the least and the most that `quantity` units may cost, or None."""
    units = abs(quantity)
    if floor is not None and exact < Fraction(floor) * units:
        detail = f"never below {format_quantity(floor)} a unit"
        return TraceStep(rule="floor", detail=detail, amount=Fraction(floor) * units - exact)
    if ceiling is not None and exact > Fraction(ceiling) * units:
        detail = f"never above {format_quantity(ceiling)} a unit"
        return TraceStep(rule="ceiling", detail=detail, amount=Fraction(ceiling) * units - exact)
    return None


def _rule(document: Any, place: int) -> PriceRule:
    if not isinstance(document, Mapping):
        raise ChargeError("a rule is an object", field=f"rules.{place}")
    try:
        check_fields(document, required={"name", "when", "then"})
        when, then = document["when"], document["then"]
        if not isinstance(when, Mapping) or not isinstance(then, Mapping):
            raise ChargeError("when and then are objects", field="when")  # noqa: TRY301 (its place is added below)
        check_fields(when, required=set(), optional=_WHEN)
        factor, price = _action(then)
        return PriceRule(
            name=text_field(document, "name", longest=80),
            factor=factor,
            price=price,
            segments=_texts(when, "segment"),
            countries=_texts(when, "country"),
            regions=_texts(when, "region"),
            committed_at_least=decimal_field(when, "committed_at_least") if "committed_at_least" in when else None,
            hours=_hours(when.get("hours")),
            experiment=_experiment(when.get("experiment")),
            document=document,
        )
    except ChargeError as error:
        facts = {**error.facts, "field": f"rules.{place}.{error.facts['field']}"}
        raise ChargeError(error.detail, **facts) from None


def _action(then: Mapping[str, Any]) -> tuple[Decimal | None, Mapping[str, Any] | None]:
    check_fields(then, required=set(), optional={"multiply", "percent_off", "price"})
    if len(then) != 1:
        raise ChargeError("then is one of multiply, percent_off and price", field="then")
    if "multiply" in then:
        return decimal_field(then, "multiply"), None
    if "percent_off" in then:
        percent = decimal_field(then, "percent_off")
        if percent > _ALL:
            raise ChargeError("percent_off is at most 100", field="percent_off", value=str(percent))
        return (_ALL - percent) / _ALL, None
    if not isinstance(then["price"], Mapping):
        raise ChargeError("price is an object with a model", field="price")
    return None, then["price"]


def _texts(when: Mapping[str, Any], name: str) -> frozenset[str]:
    raw = when.get(name)
    if raw is None:
        return frozenset()
    values = [raw] if isinstance(raw, str) else raw
    if not isinstance(values, Sequence) or not values or not all(isinstance(value, str) and value for value in values):
        raise ChargeError(f"{name} is a text or a list of texts", field=name)
    return frozenset(values)


def _hours(raw: Any) -> frozenset[int]:
    """The hours from one to another, past midnight where the second is not after the first: ["22:00", "06:00"]."""
    if raw is None:
        return frozenset()
    good = (
        isinstance(raw, Sequence)
        and len(raw) == 2
        and all(isinstance(each, str) and _HOUR.fullmatch(each) for each in raw)
    )
    if not good or raw[0] == raw[1]:
        raise ChargeError('hours are two different full hours, such as ["22:00", "06:00"]', field="hours")
    first, last = int(raw[0][:2]), int(raw[1][:2])
    return frozenset((first + step) % 24 for step in range((last - first) % 24))


def _experiment(raw: Any) -> tuple[tuple[str, str], ...]:
    if raw is None:
        return ()
    if not isinstance(raw, Mapping) or not all(isinstance(arm, str) for arm in raw.values()):
        raise ChargeError("experiment maps an experiment's key to an arm", field="experiment")
    return tuple(sorted((str(key), arm) for key, arm in raw.items()))


def _span(hours: frozenset[int]) -> str:
    first = next((hour for hour in sorted(hours) if (hour - 1) % 24 not in hours), 0)
    return f"{first:02d}:00 and {(first + len(hours)) % 24:02d}:00"
