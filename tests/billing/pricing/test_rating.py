"""The rating kernel: pre-steps, declared rules, bounds and the charge's own limits, each a step of an explanation that adds up."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.charge import Charge, Usage, UsageError
from billing.pricing.context import NO_CONTEXT, PricingContext, context_from
from billing.pricing.document import ChargeError
from billing.pricing.quote import priced
from billing.pricing.rating import rate
from billing.pricing.registry import parse_charge

GRADUATED = {
    "model": "graduated",
    "tiers": [{"up_to": "10", "unit_price": "1"}, {"up_to": None, "unit_price": "0.5", "flat": "2"}],
}


def _charge(price: dict[str, Any] | None = None, **more: Any) -> Charge:
    price = price or {"model": "per_unit", "unit_price": "0.10"}
    return parse_charge({"key": "api", "name": "Calls", "meter": "api", "price": price, **more})


def _exact(charge: Charge, quantity: str, context: PricingContext = NO_CONTEXT, **usage: Any) -> Fraction:
    return rate(charge, Usage(Decimal(quantity), **usage), "EUR", context).exact


def test_units_are_converted_then_given_away_then_priced() -> None:
    """90 minutes in started hours are 2; the first is free; one costs 3.00, and every step is said."""
    charge = _charge(
        {"model": "per_unit", "unit_price": "3"}, conversion={"per_unit": "60", "whole": "up"}, free_units="1"
    )

    line = priced(charge, Decimal(90), "EUR")

    assert line.amount.text == "3.00"
    assert [step.rule for step in line.trace] == ["conversion", "free_units", "unit_price"]
    assert line.quantity == Decimal(90)


def test_a_charge_has_a_least_and_a_most() -> None:
    """At least 5.00 and at most 20.00 a period."""
    charge = _charge(minimum="5", maximum="20")

    assert [_exact(charge, quantity) for quantity in ("10", "100", "1000")] == [5, 10, 20]


def test_the_first_rule_that_matches_counts_and_is_said() -> None:
    """Gold customers pay 20 % less, Italians 10 % less; a golden Italian 20 %."""
    charge = _charge(
        rules=[
            {"name": "gold", "when": {"segment": ["gold"]}, "then": {"percent_off": "20"}},
            {"name": "italy", "when": {"country": "IT"}, "then": {"multiply": "0.9"}},
        ]
    )
    gold, italy = PricingContext(segments=frozenset({"gold", "new"}), country="IT"), PricingContext(country="IT")

    assert [_exact(charge, "100", context) for context in (NO_CONTEXT, gold, italy)] == [10, 8, 9]
    said = rate(charge, Usage(Decimal(100)), "EUR", gold).trace[-1]
    assert (said.rule, said.detail, said.amount) == ("rule", "gold: 0.8 times the price (segment gold)", -2)


def test_an_arm_of_an_experiment_may_have_another_price_altogether() -> None:
    """The treated pay by package; a rule may also ask for a commitment."""
    charge = _charge(
        rules=[
            {
                "name": "packs",
                "when": {"experiment": {"packs": "treatment"}, "committed_at_least": "100"},
                "then": {"price": {"model": "package", "package_size": "100", "package_price": "7"}},
            }
        ]
    )
    treated = PricingContext(arms={"packs": "treatment"}, committed=Decimal(150))

    assert _exact(charge, "150", treated) == 14
    assert _exact(charge, "150", PricingContext(arms={"packs": "treatment"})) == 15
    assert _exact(charge, "150", PricingContext(arms={"packs": "control"}, committed=Decimal(150))) == 15


def test_usage_of_the_night_is_cheaper() -> None:
    """Half price from 22:00 to 06:00: 10 units at 23:00 and 10 at noon cost 1.50."""
    charge = _charge(rules=[{"name": "night", "when": {"hours": ["22:00", "06:00"]}, "then": {"multiply": "0.5"}}])

    hours = {23: Decimal(10), 12: Decimal(10)}
    assert _exact(charge, "20", hours=hours) == Fraction(3, 2)
    with pytest.raises(UsageError):
        _exact(charge, "20")


@pytest.mark.parametrize(
    "more",
    [
        {
            "rules": [{"name": "n", "when": {"hours": ["22:00", "06:00"]}, "then": {"multiply": "2"}}],
            "price": GRADUATED,
        },
        {"floor": "1"},
        {"rules": [{"name": "n", "when": {"moon": "full"}, "then": {"multiply": "2"}}]},
        {"rules": [{"name": "n", "when": {}, "then": {}}]},
        {"rules": [{"name": "n", "when": {}, "then": {"percent_off": "101"}}]},
        {"rules": [{"name": "n", "when": {"hours": ["22:30", "06:00"]}, "then": {"multiply": "2"}}]},
        {"minimum": "5", "maximum": "4"},
        {"conversion": {"per_unit": "0"}},
        {"per": "seat"},
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, Any]) -> None:
    """Tiers by the hour, bounds without rules, unknown conditions, and limits that contradict each other."""
    with pytest.raises(Exception, match=r".") as caught:
        _charge(more.pop("price", None), **more)
    assert getattr(caught.value, "code", "")


def test_a_refusal_names_the_place() -> None:
    """The second rule's condition."""
    good = {"name": "a", "when": {}, "then": {"multiply": "1"}}
    with pytest.raises(ChargeError) as caught:
        _charge(rules=[good, {"name": "b", "when": {"country": []}, "then": {"multiply": "1"}}])

    assert caught.value.facts["field"] == "rules.1.country"


_CONTEXTS = st.builds(
    PricingContext,
    segments=st.frozensets(st.sampled_from(["gold", "new"])),
    country=st.sampled_from(["", "IT", "DE"]),
    committed=st.none() | st.decimals(0, 1000, places=2),
    arms=st.dictionaries(st.sampled_from(["packs"]), st.sampled_from(["control", "treatment"])),
)
_RULES = st.lists(
    st.builds(
        lambda number, when, factor: {"name": f"r{number}", "when": when, "then": {"multiply": f"{factor:f}"}},
        st.integers(0, 10**6),
        st.fixed_dictionaries({}, optional={"segment": st.just(["gold"]), "country": st.sampled_from(["IT", "DE"])}),
        st.decimals(0, 20, places=3),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda rule: rule["name"],
)


@given(_CONTEXTS, _RULES, st.integers(0, 10_000))
def test_bounds_hold_for_any_rules_and_anybody(
    context: PricingContext, rules: list[dict[str, Any]], units: int
) -> None:
    """Where a rule applied, a unit never costs less than the floor or more than the ceiling."""
    charge = _charge(rules=rules, floor="0.08", ceiling="0.15")

    rated = rate(charge, Usage(Decimal(units)), "EUR", context)

    if any(step.rule == "rule" for step in rated.trace):
        assert Fraction("0.08") * units <= rated.exact <= Fraction("0.15") * units
    else:
        assert rated.exact == Fraction("0.10") * units
    assert rated == rate(charge, Usage(Decimal(units)), "EUR", context)


@given(_RULES, st.integers(0, 10_000))
def test_rules_about_somebody_leave_nobody_at_the_base_price(rules: list[dict[str, Any]], units: int) -> None:
    """Without facts only rules without conditions may apply."""
    about = [rule for rule in rules if rule["when"]]
    if about:
        assert _exact(_charge(rules=about), str(units)) == Fraction("0.10") * units


@given(_CONTEXTS)
def test_facts_are_read_back_as_they_were(context: PricingContext) -> None:
    """Their JSON form loses nothing."""
    assert context_from(context.to_document()) == context


@pytest.mark.parametrize(
    "document",
    [
        {"key": "s", "name": "Seats", "price": {"model": "per_unit", "unit_price": "9"}, "per": "seat"},
        {
            "key": "u",
            "name": "Usage",
            "meter": "api",
            "price": GRADUATED,
            "conversion": {"per_unit": "1000", "whole": "up"},
            "free_units": "5",
            "minimum": "1",
            "maximum": "100",
            "rules": [{"name": "gold", "when": {"segment": ["gold"]}, "then": {"percent_off": "20"}}],
            "floor": "0.01",
            "ceiling": "2",
        },
    ],
)
def test_documents_are_read_back_to_equal_charges(document: dict[str, Any]) -> None:
    """Everything a charge has is in its document."""
    charge = parse_charge(document)

    assert parse_charge(charge.to_document()) == charge
