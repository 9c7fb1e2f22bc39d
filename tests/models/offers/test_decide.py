"""Properties of the decision that hold for every customer, and the order of its steps by example."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.offers.context import gives_more, unlocks
from models.offers.decide import decide
from models.offers.suppress import suppression
from tests.models.offers.strategies import (
    ADDONS,
    NOW,
    PLACEMENTS,
    PLANS,
    addon,
    cheapest_first,
    context,
    contexts,
    past,
    plan,
    plans,
    targets_above,
    use,
)

if TYPE_CHECKING:
    from models.offers.context import OfferContext

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)
PRO = plan("pro", 2, "49.00", deliveries=None, early_access=True)
WILLING = contexts().map(lambda found: replace(found, is_held_out=False, opted_out=False, past=()))


@given(contexts(), st.sampled_from(("holdout", "opted_out")))
def test_who_must_not_see_offers_gets_neither_a_new_one_nor_an_open_one(found: OfferContext, why: str) -> None:
    """Held out or opted out, whatever the signals and whatever is still open."""
    barred = replace(found, opted_out=True) if why == "opted_out" else replace(found, is_held_out=True)
    choice = decide(barred)

    assert (choice.candidate, choice.repeat) == (None, None)
    assert choice.reason in {"holdout", "opted_out"}


@given(
    contexts().filter(lambda found: found.current is not None),
    st.floats(0, 2.9),
    st.sampled_from(PLACEMENTS),
)
def test_who_is_cooling_down_gets_nothing(found: OfferContext, days_ago: float, placement: str) -> None:
    """A dismissal anywhere silences every placement: no new offer, and none that is open elsewhere."""
    dismissed = past(days_ago, "impression", "dismiss", placement=placement)
    choice = decide(replace(found, is_held_out=False, opted_out=False, past=(*found.past, dismissed)))

    assert (choice.candidate, choice.repeat, choice.reason) == (None, None, "cooling_down")


@given(contexts())
def test_what_is_offered_is_for_sale_and_not_owned(found: OfferContext) -> None:
    """The candidate and the repeat are among the targets, which hold nothing that the customer has."""
    choice = decide(found)
    keys = {target.key for target in found.targets}

    assert choice.candidate is None or choice.candidate.target in found.targets
    assert choice.repeat is None or choice.repeat.target in keys
    assert found.current is None or found.current.key not in keys


@given(WILLING)
def test_an_offer_gives_more_of_what_it_is_about(found: OfferContext) -> None:
    """A feature that they lack, or a limit above the present one; an offer about nothing in particular is a plan above."""
    candidate = decide(found).candidate
    assume(candidate is not None and found.current is not None)
    assert candidate is not None
    assert found.current is not None
    limits = {each.feature: each.limit for each in found.limits}

    if candidate.unlocks is None:
        assert candidate.target.rank > found.current.rank
    elif candidate.unlocks in limits:
        assert gives_more(candidate.target, candidate.unlocks, limits[candidate.unlocks])
    else:
        assert unlocks(candidate.target, candidate.unlocks)
        assert not unlocks(found.current, candidate.unlocks)


@given(WILLING, st.data())
def test_one_more_thing_to_sell_never_takes_an_offer_away(found: OfferContext, data: st.DataObject) -> None:
    """With a wider catalogue there is an offer wherever there was one, by the same rule or one that goes before it."""
    before = decide(found)
    assume(before.candidate is not None and found.current is not None)
    assert found.current is not None
    have = {target.key for target in found.targets}
    more = tuple(each for each in data.draw(targets_above(found.current.rank)) if each.key not in have)
    after = decide(replace(found, targets=cheapest_first((*found.targets, *more))))

    assert after.candidate is not None
    order = ["feature_denied", "limit_near", "likely_upgrade"]
    assert order.index(after.reason) <= order.index(before.reason)


@given(contexts())
def test_the_decision_is_a_function_of_the_context(found: OfferContext) -> None:
    """Asked twice, or with the past told in another order, the answer is the same to the letter."""
    assert decide(found) == decide(found)
    backwards = replace(found, past=tuple(reversed(found.past)), limits=tuple(reversed(found.limits)))
    assert decide(backwards) == decide(found)


@given(contexts())
def test_the_trace_tells_what_was_held_back_and_why(found: OfferContext) -> None:
    """A suppressed decision names its reason and what the customer would have seen; an unsuppressed one claims neither."""
    choice = decide(found)
    would = decide(replace(found, is_held_out=False, opted_out=False, past=())).candidate
    shown = choice.trace["candidates"][0] if choice.trace["candidates"] else None

    assert choice.trace["targets"] == [target.key for target in found.targets]
    if choice.candidate is None and choice.repeat is None and choice.reason != "nothing_to_offer":
        assert choice.trace["suppressed"] == choice.reason == suppression(found)
        assert choice.trace["would_have_shown"] == shown
        if found.current is not None:
            assert (shown or {}).get("target") == (would.target.key if would else None)
    else:
        assert "suppressed" not in choice.trace


@given(contexts())
def test_a_decision_is_a_candidate_or_a_repeat_or_a_reason_for_neither(found: OfferContext) -> None:
    """Never both, and the reason fits."""
    choice = decide(found)

    assert choice.candidate is None or choice.repeat is None
    assert (choice.repeat is not None) == (choice.reason == "open_offer")
    assert choice.candidate is None or choice.reason == choice.candidate.rule


@given(plans(0), st.sampled_from((*PLANS, *ADDONS)))
def test_nobody_without_a_subscription_is_offered_a_change(current: object, key: str) -> None:
    """There is nothing to change, whatever might be for sale."""
    found = context(current=None, targets=(plan(key, 3, "5.00", early_access=True),), denials={"early_access": 4})

    assert decide(found).reason == "no_subscription"


def test_a_refused_feature_goes_before_a_full_limit_and_that_before_a_hunch() -> None:
    """The three rules in their order, as their signals fall away one by one."""
    found = context(targets=(PLUS, PRO), denials={"early_access": 1}, limits=(use(3, 3),), propensity=0.9)

    reasons = [
        decide(found).reason,
        decide(replace(found, denials={})).reason,
        decide(replace(found, denials={}, limits=())).reason,
        decide(replace(found, denials={}, limits=(), propensity=None)).reason,
    ]

    assert reasons == ["feature_denied", "limit_near", "likely_upgrade", "nothing_to_offer"]


def test_an_open_offer_is_shown_again_though_they_were_just_prompted() -> None:
    """Two tabs: the impression of the first is no reason to hide the offer from the second."""
    shown = past(0.01, "impression")
    found = context(targets=(PLUS, PRO), limits=(use(3, 3),), past=(shown,))

    assert decide(found).repeat == shown
    assert decide(replace(found, placement="checkout")).reason == "prompted_recently"


@pytest.mark.parametrize(
    ("why", "changed"),
    [
        ("expired", {"expires_at": NOW}),
        ("accepted", {"outcomes": frozenset({"accept"})}),
        ("for what they have now", {"target": "starter"}),
        ("no offer at all", {"target": None}),
        ("without an end", {"expires_at": None}),
    ],
)
def test_a_closed_offer_is_not_shown_again(why: str, changed: dict[str, object]) -> None:
    """What was decided half an hour ago is over once it expired, was taken, or sells what they own."""
    found = context(targets=(PLUS, PRO), limits=(use(3, 3),), past=(past(0.02, **changed),))

    assert decide(found).repeat is None


def test_the_newest_of_two_open_offers_is_the_one_that_counts() -> None:
    """Should two be open (a plan was left and came back), the later one is shown wherever it stands in the past."""
    older, newer = past(0.03), past(0.02, target="pro")

    for order in ((older, newer), (newer, older)):
        assert decide(context(targets=(PLUS, PRO), past=order)).repeat == newer


def test_a_dismissal_at_one_placement_silences_the_others() -> None:
    """Who closes the prompt at the checkout does not want to see the same one on the account page a minute later."""
    dismissed = past(0.02, "impression", "dismiss", placement="checkout")
    still_open = past(0.03)
    found = context(targets=(PLUS,), limits=(use(3, 3),), past=(dismissed, still_open))

    assert decide(found).reason == "cooling_down"
    assert decide(replace(found, now=NOW + timedelta(days=7))).reason == "limit_near"


def test_what_they_have_by_now_is_not_offered_as_what_they_were_refused() -> None:
    """Refused early access on Monday, moved to Plus on Tuesday: Pro is not sold as the way to early access."""
    found = context(current=PLUS, targets=(PRO,), denials={"early_access": 3})

    assert decide(found).reason == "nothing_to_offer"


def test_the_cheapest_target_that_fits_is_offered() -> None:
    """An add-on that raises the limit enough, although a plan would too."""
    extra = addon("extra", "5.00", deliveries=5)
    found = context(targets=cheapest_first((PRO, PLUS, extra)), limits=(use(3, 3),))

    choice = decide(found)

    assert choice.candidate is not None
    assert choice.candidate.target == extra
