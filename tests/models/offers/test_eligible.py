"""Whether something may be offered at all: each refusal by example, and that saving puts selling aside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from billing.kernel.money import Money
from features.offers.policy import OfferPolicy
from models.offers.context import Candidate, Target
from models.offers.eligible import eligible, unfit
from tests.models.offers.strategies import SAVINGS, addon, bundle, context, negative, plan, signal, use

PLUS = plan("plus", 1, "19.00", deliveries=30)
PAIR = bundle("pair", "12.00", "mug", "beans")


def _offer(target: Target, unlocks: str | None = None) -> Candidate:
    return Candidate(rule="limit_near", target=target, unlocks=unlocks, message="", strength=1.0)


@pytest.mark.parametrize(
    ("why", "target", "values"),
    [
        (None, PLUS, {}),
        (None, PAIR, {"current": None}),
        (None, replace(PLUS, period_days=365), {}),
        ("no_subscription", PLUS, {"current": None}),
        ("owned", PLUS, {"owned": frozenset({"plus"})}),
        ("owned", replace(PLUS, key="starter"), {}),
        ("owned", PAIR, {"owned": frozenset({"mug"})}),
        ("other_currency", replace(PLUS, recurring=Money.of("19.00", "USD")), {}),
        ("other_currency", PAIR, {"current": None, "currency": "USD"}),
        ("no_price", replace(PLUS, recurring=Money(0, "EUR")), {}),
        ("other_period", replace(PLUS, period_days=7), {}),
        ("other_period", replace(addon("box", "7.50"), period_days=365), {}),
        ("may_not_buy", PLUS, {"role": "guest"}),
        (None, PLUS, {"role": "owner"}),
        (None, PLUS, {"role": None}),
        ("not_leaving", SAVINGS[0], {}),
        (None, SAVINGS[0], {"negatives": (negative("cancelling"),)}),
        (None, SAVINGS[0], {"signals": (signal("churn_risk"),)}),
    ],
)
def test_what_may_not_be_offered_is_refused_by_its_reason(why: str | None, target: Target, values: Any) -> None:
    """Owned, foreign, free, of another rhythm, not theirs to buy, or for who leaves."""
    policy = OfferPolicy(buyers=frozenset({"owner"}))

    assert unfit(context(**values, policy=policy), target) == why


@pytest.mark.parametrize(
    ("feature", "limits", "why"),
    [
        ("deliveries", (), None),
        ("deliveries", (use(3, 29),), None),
        ("deliveries", (use(3, 30),), "unlocks_nothing"),
        ("seats", (), "unlocks_nothing"),
    ],
)
def test_an_offer_must_unlock_what_it_is_about(feature: str, limits: Any, why: str | None) -> None:
    """Thirty deliveries are more than 29, not more than 30, and no seats."""
    _, refused = eligible(context(limits=limits), [_offer(PLUS, feature)])

    assert [way.reason for way in refused] == [why][: why is not None]


def test_saving_puts_selling_aside() -> None:
    """For who is leaving; a save-offer that may not be made puts nothing aside."""
    offers = [_offer(PLUS), _offer(SAVINGS[0]), _offer(PAIR)]

    passed, refused = eligible(context(signals=(signal("cancel_started"),)), offers)
    assert [each.target.key for each in passed] == ["tenth_off"]
    assert [(way.candidate.target.key, way.reason) for way in refused] == [
        ("plus", "saving_first"),
        ("pair", "saving_first"),
    ]
    passed, refused = eligible(context(), offers)
    assert [each.target.key for each in passed] == ["plus", "pair"]
    assert [way.reason for way in refused] == ["not_leaving"]
