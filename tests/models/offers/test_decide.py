"""Properties of the decision that hold for every customer, and the order of its steps by example."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import time, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.offers.policy import Cap, Caps, QuietHours
from models.offers.considered import verdict
from models.offers.context import Learned, gives_more, unlocks
from models.offers.decide import decide, propose
from models.offers.eligible import eligible
from models.offers.suppress import ORDER, suppression
from tests.models.offers.strategies import (
    ADDONS,
    BUNDLES,
    LEARNED,
    NOW,
    PLACEMENTS,
    PLANS,
    SAVINGS,
    SURE,
    addon,
    cheapest_first,
    context,
    contexts,
    past,
    plan,
    plans,
    signal,
    use,
    willing,
)

if TYPE_CHECKING:
    from models.offers.context import OfferContext, Target

PLUS = plan("plus", 1, "19.00", deliveries=30, early_access=True)
PRO = plan("pro", 2, "49.00", deliveries=None, early_access=True)
WILLING = contexts().map(willing)


@given(contexts(), st.sampled_from(("holdout", "no_consent", "quiet_hours")))
def test_who_must_not_see_offers_gets_neither_a_new_one_nor_an_open_one(found: OfferContext, why: str) -> None:
    """Held out, without the consent that the policy asks for, or at night: whatever the signals and whatever is still open."""
    night = QuietHours(start=time(17), end=time(22))
    barred = {
        "holdout": replace(found, is_held_out=True),
        "no_consent": replace(found, policy=replace(found.policy, consent="never asked")),
        "quiet_hours": replace(found, zone="Asia/Tokyo", policy=replace(found.policy, quiet=night)),
    }[why]
    choice = decide(barred)

    assert (choice.candidate, choice.repeat) == (None, None)


@given(contexts(), st.floats(0, 2.9), st.sampled_from(PLACEMENTS))
def test_who_is_cooling_down_gets_nothing(found: OfferContext, days_ago: float, placement: str) -> None:
    """A dismissal anywhere silences every placement: no new offer, and none that is open elsewhere."""
    dismissed = past(days_ago, "impression", "dismiss", placement=placement)
    choice = decide(replace(found, past=(*found.past, dismissed)))

    assert (choice.candidate, choice.repeat) == (None, None)


@given(contexts())
def test_what_is_offered_is_for_sale_and_not_owned(found: OfferContext) -> None:
    """The candidate, the repeat and the counterfactual are among the targets; nothing they have is, nor a part of it."""
    choice = decide(found)
    keys = {target.key for target in found.targets}

    assert choice.repeat is None or choice.repeat.target in keys
    for candidate in (choice.candidate, choice.counterfactual):
        assert candidate is None or candidate.target in found.targets
        assert candidate is None or candidate.target.kind == "save" or candidate.target.key not in found.owned
        assert candidate is None or found.owned.isdisjoint(candidate.target.parts)
    assert found.current is None or found.current.key not in keys


@given(WILLING)
def test_an_offer_gives_more_of_what_it_is_about(found: OfferContext) -> None:
    """A feature that they lack, or a limit above the present one: of everything that may be offered."""
    limits = {each.feature: each.limit for each in found.limits}
    candidates, _ = eligible(found, propose(found))

    for candidate in candidates:
        if candidate.unlocks in limits:
            assert gives_more(candidate.target, candidate.unlocks, limits[candidate.unlocks])
        elif candidate.unlocks is not None:
            assert unlocks(candidate.target, candidate.unlocks)
            assert found.current is None or not unlocks(found.current, candidate.unlocks)


@given(WILLING, st.sampled_from((*BUNDLES, *SAVINGS, addon("extra", "1.00", deliveries=9, tastings=True))))
def test_one_more_thing_to_sell_never_takes_an_offer_away(found: OfferContext, more: Target) -> None:
    """With a wider catalogue there is an offer wherever there was one, unless what comes first now is worth less than nothing."""
    others = tuple(target for target in found.targets if target.key != more.key)
    before = decide(replace(found, targets=others))
    after = decide(replace(found, targets=cheapest_first((*others, more))))

    assert before.candidate is None or after.candidate is not None or after.reason == "not_worth_it"


@given(contexts())
def test_the_decision_is_a_function_of_the_context(found: OfferContext) -> None:
    """Asked twice, or told in another order, the answer is the same to the letter."""
    choice = decide(found)
    backwards = replace(
        found,
        past=tuple(reversed(found.past)),
        limits=tuple(reversed(found.limits)),
        signals=tuple(reversed(found.signals)),
        trials=tuple(reversed(found.trials)),
    )

    assert decide(found) == choice
    assert decide(backwards) == choice


@given(contexts())
def test_explanation_and_verdict_are_one(found: OfferContext) -> None:
    """The reason is read off the trace, which tells of every candidate once, is plain JSON, and ends in at most one."""
    choice = decide(found)
    told = json.loads(json.dumps(choice.trace))
    ends = [way for way in told["candidates"] if way["stage"] == "end"]
    proposed = Counter((each.rule, each.target.key, each.unlocks) for each in propose(_as_read(found)))

    if choice.reason not in {"open_offer", "no_subscription"}:
        assert verdict(told["candidates"], ORDER) == choice.reason
        assert Counter((way["rule"], way["target"], way["unlocks"]) for way in told["candidates"]) == proposed
    assert [way["target"] for way in ends] == [
        each.target.key for each in (choice.candidate, choice.counterfactual) if each is not None
    ]
    assert (choice.candidate is not None) == (bool(ends) and ends[0]["reason"] == ends[0]["rule"])
    if choice.candidate is None and choice.repeat is None and found.current is not None:
        assert told.get("suppressed", "nothing_to_offer") == choice.reason


@given(contexts())
def test_the_propensities_of_a_decision_sum_to_one(found: OfferContext) -> None:
    """Over those that could have been drawn; the chosen one's is on the choice."""
    choice = decide(found)
    chances = [way["propensity"] for way in choice.trace["candidates"] if "propensity" in way]

    assert not chances or sum(chances) == pytest.approx(1, abs=1e-5)
    assert all(0 <= chance <= 1 for chance in chances)
    assert choice.candidate is None or choice.propensity > 0


@given(contexts(), st.sampled_from(LEARNED))
def test_who_opted_out_is_not_profiled(found: OfferContext, learned: Learned) -> None:
    """No score changes anything, and only what they ran into themselves is answered."""
    found = replace(found, opted_out=True)
    choice = decide(found)
    other = decide(replace(found, learned=replace(learned, tried=found.learned.tried)))

    assert (other.reason, other.candidate, other.expected_minor) == (
        choice.reason,
        choice.candidate,
        choice.expected_minor,
    )
    assert {way["rule"] for way in choice.trace["candidates"]} <= {"limit_near", "feature_denied"}
    assert choice.repeat is None or choice.repeat.rule in {"limit_near", "feature_denied"}


@pytest.mark.parametrize("learned", LEARNED)
def test_no_score_weighs_on_what_is_offered_to_who_opted_out(learned: Learned) -> None:
    """At the limit of three deliveries they hear of more, at the same worth whatever a model thinks of them; the trace has no score."""
    found = context(targets=(PLUS,), limits=(use(3, 3),), opted_out=True, learned=replace(learned, tried={}))
    choice, plain = decide(found), decide(replace(found, learned=Learned()))

    assert (choice.reason, choice.expected_minor) == ("limit_near", plain.expected_minor)
    assert choice.trace == plain.trace


@given(contexts())
def test_saving_is_never_beside_selling(found: OfferContext) -> None:
    """Once a save-offer may be made nothing else is drawn with it, and only who leaves or may leave is made one."""
    ways = decide(found).trace["candidates"]
    keys = {target.key for target in found.targets if target.kind == "save"}
    late = {way["target"] for way in ways if way["stage"] != "eligibility"}

    assert late <= keys or not late & keys
    leaving = {"cancel_started", "churn_risk"} & {each.trigger for each in found.signals}
    assert not late & keys or leaving or any(each.kind == "cancelling" for each in found.negatives)


@given(contexts())
def test_a_decision_is_a_candidate_or_a_repeat_or_a_reason_for_neither(found: OfferContext) -> None:
    """Never two of them, and the reason fits."""
    choice = decide(found)

    assert sum(each is not None for each in (choice.candidate, choice.repeat, choice.counterfactual)) <= 1
    assert (choice.repeat is not None) == (choice.reason == "open_offer")
    assert choice.candidate is None or choice.reason == choice.candidate.rule


@given(plans(0), st.sampled_from((*PLANS, *ADDONS)))
def test_nobody_without_a_subscription_is_offered_a_change(current: object, key: str) -> None:
    """There is nothing to change, whatever might be for sale."""
    found = context(current=None, targets=(plan(key, 3, "5.00", early_access=True),), denials={"early_access": 4})

    assert decide(found).reason == "no_subscription"


def test_the_rules_in_their_order_as_their_signals_fall_away() -> None:
    """Saving before selling; what they ran into before what they said, did or might do."""
    box = addon("box", "7.50", tastings=True)
    steps = (
        ("missing_function", "tastings"),
        ("limit_share", "deliveries"),
        ("intent", None),
        ("life_cycle", "starter"),
        ("engagement", None),
    )
    found = context(
        targets=cheapest_first((PLUS, PRO, box)),
        denials={"early_access": 1},
        limits=(use(2, 3),),
        signals=tuple(signal(trigger, subject) for trigger, subject in steps),
        learned=Learned(propensity=0.9),
    )
    reasons = [decide(found).reason]
    found = replace(found, denials={})
    while found.signals:
        reasons.append(decide(found).reason)
        found = replace(found, signals=found.signals[1:])
    reasons += [decide(found).reason, decide(replace(found, learned=Learned())).reason]

    assert reasons == [
        "feature_denied",
        "missing_function",
        "limit_near",
        "intent",
        "life_cycle",
        "engagement",
        "likely_upgrade",
        "nothing_to_offer",
    ]


def test_an_open_offer_is_shown_again_though_they_were_just_prompted() -> None:
    """Two tabs: the impression of the first is no reason to hide the offer from the second."""
    seen = past(0.01, "impression", rule="limit_near")
    found = context(targets=(PLUS, PRO), limits=(use(3, 3),), past=(seen,))

    assert decide(found).repeat == seen
    assert decide(replace(found, placement="checkout")).reason == "cap_person"
    assert decide(replace(found, opted_out=True)).repeat == seen
    assert decide(replace(found, policy=replace(SURE, killed=frozenset({"limit_near"})))).reason == "killed"


def test_an_open_offers_own_showing_fills_no_cap_against_it() -> None:
    """Each cap is one and this showing the one, the tenant's as well; one more of somebody else's and it stays away."""
    one = Cap(most=1)
    tight = replace(SURE, caps=Caps(person=one, customer=one, offer=one, placement=one, tenant=one))
    seen = past(0.01, "impression", rule="limit_near")
    found = context(targets=(PLUS,), limits=(use(3, 3),), past=(seen,), policy=tight, tenant_shown=1)

    assert decide(found).repeat == seen
    assert decide(replace(found, tenant_shown=2)).repeat is None


@pytest.mark.parametrize(
    ("why", "changed"),
    [
        ("expired", {"expires_at": NOW}),
        ("accepted", {"outcomes": frozenset({"accept"})}),
        ("for what they have now", {"target": "starter"}),
        ("no offer at all", {"target": None}),
        ("without an end", {"expires_at": None}),
        ("never shown to anybody", {"is_counterfactual": True}),
        ("another member's", {"member": "lee"}),
    ],
)
def test_a_closed_offer_is_not_shown_again(why: str, changed: dict[str, object]) -> None:
    """What was decided half an hour ago is over once it expired, was taken, or sells what they own."""
    found = context(targets=(PLUS, PRO), limits=(use(3, 3),), past=(past(0.02, **changed),), member="kim")

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


def test_the_cheapest_target_that_fits_is_offered_until_something_was_tried() -> None:
    """An add-on that raises the limit enough, although a plan would too; once plans sold ten times as often, the plan."""
    extra = addon("extra", "5.00", deliveries=5)
    found = context(targets=cheapest_first((PLUS, extra)), limits=(use(3, 3),))
    tried = {"limit_near:extra": (2000, 20), "limit_near:plus": (2000, 200)}

    first, later = decide(found), decide(replace(found, learned=Learned(tried=tried)))

    assert first.candidate is not None
    assert (first.candidate.target, first.propensity) == (extra, 1.0)
    assert later.candidate is not None
    assert (later.candidate.target, later.propensity > 0.99) == (PLUS, True)


def test_a_candidate_that_came_further_names_the_reason() -> None:
    """One is switched off, the other shown too often: what kept it back in the end is the cap."""
    killed = replace(SURE, killed=frozenset({"feature_denied"}))
    found = context(targets=(PLUS,), limits=(use(3, 3),), denials={"early_access": 1}, policy=killed)
    choice = decide(replace(found, past=(past(9, "impression"), past(10, "impression"))))

    assert [(way["rule"], way["reason"]) for way in choice.trace["candidates"]] == [
        ("feature_denied", "killed"),
        ("limit_near", "cap_offer"),
    ]
    assert choice.reason == "cap_offer"
    assert suppression(found, propose(found)[0]) == ("killed",)


def _as_read(found: OfferContext) -> OfferContext:
    return replace(found, learned=Learned(tried=found.learned.tried)) if found.opted_out else found
