"""Any sequence of asking, seeing and answering, by several people in several tabs: no cap is passed, and what is told stays told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from features.offers.policy import Cap, Caps, QuietHours
from models.offers.context import Choice, Learned, OfferContext, PastDecision, Shown
from models.offers.decide import decide
from tests.models.offers.strategies import (
    BUNDLES,
    FREE,
    NOW,
    PLACEMENTS,
    SURE,
    addon,
    cheapest_first,
    context,
    plan,
    signal,
    use,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.offers.policy import OfferPolicy

    Event: TypeAlias = tuple[str, object]

HELD = st.sampled_from((timedelta(minutes=60), timedelta(days=7)))
RESERVED_FOR = timedelta(seconds=60)
WAITS = st.sampled_from(
    (timedelta(seconds=20), timedelta(seconds=60), timedelta(hours=2), timedelta(days=4), timedelta(days=7))
)
MEMBERS = st.sampled_from((None, "kim", "lee"))
TARGETS = cheapest_first(
    (
        plan("plus", 1, "19.00", deliveries=30, early_access=True),
        plan("pro", 2, "49.00", deliveries=None, early_access=True),
        addon("extra", "5.00", deliveries=5),
        addon("box", "7.50", tastings=True),
        *BUNDLES,
    )
)
EAGER = context(
    targets=TARGETS,
    limits=(use(3, 3),),
    denials={"early_access": 2, "tastings": 1},
    signals=(signal("intent", None), signal("engagement", None)),
    owned=frozenset({"starter"}),
    learned=Learned(tried={"limit_near:plus": (50, 5), "bundle:pair": (20, 1)}),
)
TIGHT = replace(
    SURE,
    explore=0.5,
    caps=Caps(
        person=Cap(most=1),
        customer=Cap(most=2),
        offer=Cap(most=1, window=timedelta(days=30)),
        placement=Cap(most=2, window=timedelta(days=3)),
    ),
)


@dataclass(slots=True)
class Shopfront:
    """A customer's people in front of a shop: decisions and showings are kept as the stores keep them, reservations lapse."""

    start: OfferContext
    held: timedelta
    now: datetime = NOW
    kept: list[PastDecision] = field(default_factory=list)
    showings: dict[str, Shown] = field(default_factory=dict)

    def at(self, placement: str, member: str | None) -> OfferContext:
        """The context now; what was accepted is owned and no longer for sale, and reservations count while they hold."""
        owned = {past.target for past in self.kept if "accept" in past.outcomes and past.target}
        left = tuple(target for target in self.start.targets if target.key not in owned)
        return replace(
            self.start,
            placement=placement,
            member=member,
            now=self.now,
            targets=left,
            owned=self.start.owned | owned,
            past=tuple(self.kept),
            shown=tuple(each for each in self.showings.values() if each.confirmed or self._holds(each)),
            draw_seed=len(self.kept),
        )

    def ask(self, placement: str, member: str | None) -> Choice:
        """Decide, keep the decision and reserve its showing, as serving does; an open offer's reservation is renewed."""
        found = self.at(placement, member)
        choice = decide(found)
        if choice.repeat is not None:
            seen = self.showings[choice.repeat.id]
            if not seen.confirmed:
                self.showings[choice.repeat.id] = replace(seen, at=found.now)
        elif choice.candidate is not None:
            self._keep(choice, found)
        return choice

    def answer(self, number: int, kind: str) -> None:
        """An outcome of one of the offers so far; an impression confirms a showing, unless its reservation has lapsed."""
        if not self.kept:
            return
        place = number % len(self.kept)
        told = self.kept[place]
        seen = self.showings[told.id]
        if kind == "impression" and not seen.confirmed:
            if not self._holds(seen):
                return
            self.showings[told.id] = replace(seen, confirmed=True, at=self.now)
        self.kept[place] = replace(told, outcomes=told.outcomes | {kind})

    def open_at(self, placement: str) -> list[PastDecision]:
        """The offers that could still be taken at a placement."""
        keys = {target.key for target in self.at(placement, None).targets}
        return [
            past
            for past in self.kept
            if past.placement == placement
            and past.target in keys
            and past.expires_at is not None
            and self.now < past.expires_at
            and not past.outcomes & {"dismiss", "accept"}
        ]

    def seen(self) -> list[Shown]:
        """What was really seen."""
        return [each for each in self.showings.values() if each.confirmed]

    def _holds(self, seen: Shown) -> bool:
        return self.now < seen.at + RESERVED_FOR

    def _keep(self, choice: Choice, found: OfferContext) -> None:
        assert choice.candidate is not None
        decision, target = f"dec_{len(self.kept):04d}", choice.candidate.target.key
        self.kept.append(
            PastDecision(
                id=decision,
                target=target,
                placement=found.placement,
                decided_at=found.now,
                expires_at=found.now + self.held,
                outcomes=frozenset(),
                rule=choice.candidate.rule,
                member=found.member,
            )
        )
        self.showings[decision] = Shown(
            decision=decision,
            target=target,
            placement=found.placement,
            member=found.member,
            at=found.now,
            confirmed=False,
        )


ASKS = st.tuples(st.just("ask"), st.tuples(st.sampled_from(PLACEMENTS), MEMBERS))
SEES = st.tuples(st.just("impression"), st.integers(0, 50))
ANSWERS = st.tuples(st.sampled_from(("click", "dismiss", "accept")), st.integers(0, 50))
PAUSES = st.tuples(st.just("wait"), WAITS)
EVENTS = st.lists(st.one_of(ASKS, ASKS, SEES, SEES, ANSWERS, PAUSES), max_size=30)


def _play(front: Shopfront, events: Sequence[Event]) -> list[tuple[datetime, Choice]]:
    """Every decision with its moment."""
    made = []
    for what, value in events:
        match what, value:
            case "ask", (str(placement), str() | None as member):
                made.append((front.now, front.ask(placement, member)))
            case "wait", timedelta() as pause:
                front.now += pause
            case str(kind), int(number):
                front.answer(number, kind)
    return made


def _most_within(moments: list[datetime], window: timedelta) -> int:
    return max((sum(1 for each in moments if end - window < each <= end) for end in moments), default=0)


@given(st.sampled_from((SURE, TIGHT)), HELD, EVENTS)
def test_no_sequence_of_requests_tabs_and_retries_passes_a_cap(
    policy: OfferPolicy, held: timedelta, events: Sequence[Event]
) -> None:
    """For each person, offer, placement and the customer, in every window that ends with a showing."""
    front = Shopfront(replace(EAGER, policy=policy), held)
    _play(front, events)
    caps, seen = front.start.policy.caps, front.seen()
    people = [[each for each in seen if each.member in {person, None}] for person in ("kim", "lee")]
    kinds = [
        *product(people, [caps.person]),
        (seen, caps.customer),
        *(([each for each in seen if each.target == target.key], caps.offer) for target in TARGETS),
        *(([each for each in seen if each.placement == place], caps.placement) for place in PLACEMENTS),
    ]

    for those, cap in kinds:
        assert cap is None or _most_within([each.at for each in those], cap.window) <= cap.most


@given(HELD, EVENTS)
def test_a_placement_never_has_two_offers_open_at_once(held: timedelta, events: Sequence[Event]) -> None:
    """Without any cap, whatever is asked, seen, clicked, closed, taken or waited for by one person in many tabs."""
    front = Shopfront(replace(EAGER, policy=replace(FREE, explore=0.5)), held)
    for what, value in events:
        if not isinstance(value, tuple):
            _play(front, [(what, value)])
            continue
        placement = str(value[0])
        before = front.open_at(placement)
        choice = front.ask(placement, None)
        assert choice.candidate is None or not before
        assert choice.repeat is None or [choice.repeat] == before
        assert len(front.open_at(placement)) <= 1


@given(HELD, EVENTS)
def test_nothing_owned_is_offered_and_nobody_is_disturbed_at_night(held: timedelta, events: Sequence[Event]) -> None:
    """What was accepted on the way is owned; the night is the customer's own; a dismissal silences for three days at least."""
    night = QuietHours(start=datetime.min.time().replace(hour=20), end=datetime.min.time().replace(hour=9))
    front = Shopfront(replace(EAGER, zone="Europe/Berlin", policy=replace(FREE, quiet=night, explore=0.5)), held)
    for what, value in events:
        owned = front.at("account", None).owned
        member = value[1] if isinstance(value, tuple) else None
        closed = [each for each in front.kept if "dismiss" in each.outcomes]
        silent = [each.decided_at for each in closed if each.member is None or member in {None, each.member}]
        for moment, choice in _play(front, [(what, value)]):
            if choice.candidate is None and choice.repeat is None:
                continue
            local = moment.astimezone(ZoneInfo("Europe/Berlin")).hour
            target = choice.candidate.target if choice.candidate else None
            assert 9 <= local < 20
            assert target is None or (target.key not in owned and owned.isdisjoint(target.parts))
            assert all(moment >= each + timedelta(days=3) for each in silent)


@given(HELD, EVENTS)
def test_a_held_out_customer_never_has_an_offer_at_any_time(held: timedelta, events: Sequence[Event]) -> None:
    """Through the whole sequence nothing is shown, and what would have been is told each time."""
    front = Shopfront(replace(EAGER, is_held_out=True), held)
    made = _play(front, events)

    assert all((choice.candidate, choice.repeat, choice.reason) == (None, None, "holdout") for _, choice in made)
    assert all(choice.counterfactual is not None for _, choice in made)
