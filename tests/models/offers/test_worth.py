"""What an offer is worth: margins that can be checked by hand, rates that follow what was tried, and when a prompt is not worth it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from models.offers.context import Candidate, Learned, Target
from models.offers.decide import decide
from models.offers.worth import ENOUGH_SHOWN, PRIOR_RATE, Worth, margin_minor, worths
from tests.models.offers.strategies import (
    SAVINGS,
    SURE,
    addon,
    bundle,
    cheapest_first,
    context,
    contexts,
    negative,
    plan,
    use,
)

if TYPE_CHECKING:
    from models.offers.context import OfferContext

PLUS = plan("plus", 1, "19.00", deliveries=30)
BOX = addon("box", "7.50", tastings=True)
LOYAL = Learned(churn_risk=0.0)


def _offer(target: Target, rule: str = "limit_near") -> Candidate:
    return Candidate(rule=rule, target=target, unlocks=None, message="", strength=1.0)


def _worth(found: OfferContext, target: Target = PLUS) -> Worth:
    return worths(found, [_offer(target)])[0]


@pytest.mark.parametrize(
    ("target", "values", "expected"),
    [
        (PLUS, {}, 10_00 * 12 * 7 // 10),
        (BOX, {}, 7_50 * 12 * 7 // 10),
        (replace(BOX, cost=Money.of("2.50", "EUR")), {}, 5_00 * 12),
        (bundle("pair", "12.00"), {}, 8_40),
        (replace(bundle("pair", "12.00"), cost=Money.of("5.00", "EUR")), {}, 7_00),
        (replace(plan("year", 0, "90.00"), period_days=365), {}, 63_00 - 9_00 * 12 * 7 // 10),
        (SAVINGS[0], {"negatives": (negative("cancelling"),)}, 8_10 * 12 * 7 // 10),
        (SAVINGS[0], {}, (8_10 - 9_00) * 12 * 7 // 10),
        (SAVINGS[1], {"negatives": (negative("cancelling"),)}, 69_39),
    ],
)
def test_a_margin_is_what_is_kept_more_of_within_a_year(target: Target, values: Any, expected: int) -> None:
    """Of somebody who stays for certain: twelve months at 70 %, or at price less cost; a bundle once; a month's pause costs a month."""
    assert margin_minor(context(learned=LOYAL, **values), target) == expected


def test_who_may_leave_pays_for_fewer_months() -> None:
    """At an even chance to leave each month, 1 + 1/2 + 1/4 and so on come to two; a risk over 60 days is brought to 30."""
    for learned in (Learned(churn_risk=0.5), Learned(churn_risk=0.75, churn_days=60)):
        assert margin_minor(context(learned=learned), PLUS) == round(10_00 * 0.7 * (2 - 2 / 4096))


def test_a_save_offer_is_worth_more_the_likelier_they_leave() -> None:
    """To the loyal it is a gift: refused; to who is leaving it keeps nearly everything."""
    found = [_worth(context(learned=Learned(churn_risk=risk)), SAVINGS[0]) for risk in (0.01, 0.3, 0.8)]

    assert found[0].is_refused
    assert not found[1].is_refused
    assert found[0].margin_minor < 0 < found[2].margin_minor


def test_with_nothing_tried_the_rate_is_the_usual_one_lower_for_more_money() -> None:
    """Ten more a month than nine: nine tenths of the usual rate; from rule to rule a fifth less, whatever else a rule proposes."""
    offers = [_offer(PLUS), _offer(BOX), _offer(PLUS, "intent")]
    first, _, second = worths(context(learned=LOYAL), offers)

    assert first.gain == pytest.approx(PRIOR_RATE * 0.9 * 84_00)
    assert second.gain == pytest.approx(first.gain * 0.8)
    assert not first.is_tried


@given(st.integers(0, 5000), st.data())
def test_the_rate_goes_from_the_prior_to_what_was_seen(shown: int, data: st.DataObject) -> None:
    """It lies between the two, and its spread falls as showings come in."""
    accepted = data.draw(st.integers(0, shown))
    tried = {"limit_near:plus": (shown, accepted), "other:box": (1000, 30)}
    found = _worth(context(learned=replace(LOYAL, tried=tried)))
    seen = accepted / shown if shown else 0.03
    rate, pooled = found.gain / 84_00, (accepted + 30 + 0.9) / (shown + 1000 + 30)
    prior = min(pooled * 0.9, 0.5)

    assert min(seen, prior) - 1e-9 <= rate <= max(seen, prior) + 1e-9
    assert found.gain_sd / 84_00 <= 0.5 / (shown + 31) ** 0.5 + 1e-9
    assert found.is_tried == (shown > 0)


def test_a_fresh_uplift_sets_the_level_and_a_stale_one_does_not() -> None:
    """A tenth more buys at the pooled rate of a tenth: each acceptance counts once; of twice the uplift, twice; stale, by acceptances."""
    tried = {"limit_near:plus": (10_000, 1000)}
    learned = replace(LOYAL, tried=tried, uplift=0.1, uplift_low=0.05, uplift_high=0.15, uplift_fresh=True)
    once, twice, stale = (
        _worth(context(learned=each))
        for each in (learned, replace(learned, uplift=0.2), replace(learned, uplift_fresh=False))
    )

    assert once.mean == pytest.approx(0.1 * 84_00, rel=0.01)
    assert twice.mean == pytest.approx(2 * once.mean)
    assert stale.mean == pytest.approx(once.mean, rel=0.01)
    assert [each.source for each in (once, stale)] == ["uplift", "tried"]
    assert once.sd > stale.sd
    assert once.gain == stale.gain


def test_who_is_put_off_by_offers_is_left_alone() -> None:
    """An uplift below nothing refuses everything; to save them it is not asked."""
    learned = Learned(uplift=-0.1, uplift_low=-0.15, uplift_high=-0.05, uplift_fresh=True)
    found = context(targets=cheapest_first((PLUS, BOX)), limits=(use(3, 3),), learned=learned)

    assert decide(found).reason == "not_worth_it"
    assert decide(replace(found, learned=replace(learned, uplift_fresh=False))).reason == "limit_near"
    leaving = replace(found, targets=SAVINGS, negatives=(negative("cancelling"),))
    assert decide(leaving).reason == "save"


@pytest.mark.parametrize(
    ("shown", "refused"), [(0, False), (ENOUGH_SHOWN - 1, False), (ENOUGH_SHOWN, True), (5000, True)]
)
def test_a_prompt_must_be_worth_its_annoyance_once_that_is_known(shown: int, *, refused: bool) -> None:
    """At a true rate of 3 % and a margin of 84.00, a prompt that annoys for 2.80 is tried a hundred times, then no more."""
    tried = {"limit_near:plus": (shown, shown * 3 // 100), "other:box": (5000, 150)}
    costly = replace(SURE, annoyance_minor=2_80)

    assert _worth(context(learned=replace(LOYAL, tried=tried), policy=costly)).is_refused == refused


@given(contexts())
def test_what_is_shown_is_never_known_to_lose(found: OfferContext) -> None:
    """Of every offer that reached the end, the margin is above nothing, and what is expected of it is a whole amount."""
    choice = decide(found)

    if choice.candidate is not None:
        assert (
            margin_minor(found if not found.opted_out else replace(found, learned=Learned()), choice.candidate.target)
            > 0
        )
        assert isinstance(choice.expected_minor, int)
