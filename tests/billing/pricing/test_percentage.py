"""Percentages of events: the free start, the fee, the limits and refunds, explained by a step a rule."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.pricing.charge import Usage, UsageError
from billing.pricing.percentage import Percentage
from tests.billing.pricing.strategies_models import AMOUNTS, PLAIN_PERCENTAGES, RATES, percentages

EVENTS = st.lists(AMOUNTS, max_size=8)


def _usage(*values: Decimal | str | int) -> Usage:
    events = tuple(Decimal(value) for value in values)
    return Usage(sum(events, Decimal(0)), events)


def _cost(model: Percentage, *values: Decimal | str | int) -> Fraction:
    return model.rate_usage(_usage(*values), "EUR").exact


@given(percentages(), EVENTS, AMOUNTS)
def test_a_further_event_never_lowers_the_bill(model: Percentage, events: list[Decimal], further: Decimal) -> None:
    """Cost is monotone in the events."""
    assert _cost(model, *events) <= _cost(model, *events, further)


@given(percentages(), EVENTS, st.data())
def test_a_larger_event_never_lowers_the_bill(model: Percentage, events: list[Decimal], data: st.DataObject) -> None:
    """The last event may grow at will."""
    less, more = sorted(data.draw(st.tuples(AMOUNTS, AMOUNTS)))

    assert _cost(model, *events, less) <= _cost(model, *events, more)


@given(PLAIN_PERCENTAGES, st.lists(st.decimals(min_value=-5000, max_value=5000, places=2), min_size=1, max_size=8))
def test_without_rules_for_single_events_the_sum_is_enough(model: Percentage, events: list[Decimal]) -> None:
    """Refunds included, rating the events and rating their sum are the same."""
    assert _cost(model, *events) == model.rate(sum(events, Decimal(0)), "EUR").exact


@given(RATES, EVENTS, st.lists(AMOUNTS, min_size=2, max_size=2).map(sorted))
def test_each_event_stays_within_the_limits(rate: Decimal, events: list[Decimal], limits: list[Decimal]) -> None:
    """The bill lies between all events at the minimum and all at the maximum."""
    low, high = limits
    cost = _cost(Percentage(rate_percent=rate, per_event_min=low, per_event_max=high), *events)

    assert len(events) * Fraction(low) <= cost <= len(events) * Fraction(high)


@pytest.mark.parametrize(
    ("free_events", "free_amount", "cost"),
    [
        (None, None, "18.4"),
        (3, None, "7.2"),
        (None, "250", "11.15"),
        (3, "250", "11.15"),
        (3, "500", "7.2"),
        (0, "250", "11.15"),
        (9, None, "0"),
        (9, "9999", "0"),
    ],
)
def test_the_free_start_ends_with_whichever_limit_is_reached_first(
    free_events: int | None, free_amount: str | None, cost: str
) -> None:
    """Four payments at 1.3 % and 2 each; the one that passes the free amount pays for what lies above it."""
    model = Percentage(
        rate_percent=Decimal("1.3"),
        fixed_per_event=Decimal(2),
        free_events=free_events,
        free_amount=None if free_amount is None else Decimal(free_amount),
    )

    assert _cost(model, 50, 100, 250, 400) == Fraction(cost)


def test_the_limits_hold_for_rate_and_fee_together() -> None:
    """10, 80 and 10000 at 2.99 % and 2 each, between 1.75 and 12: 2.299, 4.392 and 12."""
    model = Percentage(
        rate_percent=Decimal("2.99"),
        fixed_per_event=Decimal(2),
        per_event_min=Decimal("1.75"),
        per_event_max=Decimal(12),
    )

    assert _cost(model, 10, 80, 10000) == Fraction("18.691")


def test_a_refund_takes_back_its_rate_but_no_fee_and_at_most_the_maximum() -> None:
    """What one large payment cost at the maximum is not passed by its refund, and the bill never goes below zero."""
    model = Percentage(rate_percent=Decimal(10), fixed_per_event=Decimal(1), per_event_max=Decimal(12))

    assert _cost(model, 50, -50) == 1
    assert _cost(model, 50, 10000, -10000) == 6
    assert _cost(model, 10, -10000) == 0


def test_the_trace_has_a_step_for_each_rule_that_was_applied() -> None:
    """However many events there were."""
    model = Percentage(
        rate_percent=Decimal(10),
        fixed_per_event=Decimal(1),
        free_events=1,
        per_event_min=Decimal(3),
        per_event_max=Decimal(12),
    )
    documents = [step.to_document() for step in model.rate_usage(_usage(7, 10, 30, 200), "EUR").trace]

    assert documents == [
        {"rule": "free", "detail": "the free start", "amount": "0", "quantity": "7"},
        {"rule": "percentage", "detail": "10 % of 240", "amount": "24", "quantity": "240"},
        {
            "rule": "per_event",
            "detail": "for each event that is not free",
            "amount": "3",
            "quantity": "3",
            "unit_price": "1",
        },
        {"rule": "per_event_min", "detail": "3.00 for each event, which changes 1 of 4", "amount": "1"},
        {"rule": "per_event_max", "detail": "12.00 for each event, which changes 1 of 4", "amount": "-9"},
    ]


def test_a_sum_is_no_substitute_for_events_that_have_a_price_each() -> None:
    """Money fails closed: a fee for each event cannot be told from their sum, unless nothing happened."""
    model = Percentage(rate_percent=Decimal(1), fixed_per_event=Decimal(1))

    assert model.rate(Decimal(0), "EUR").exact == 0
    with pytest.raises(UsageError, match="single events"):
        model.rate(Decimal(100), "EUR")
