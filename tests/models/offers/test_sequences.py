"""Any sequence of asking and answering: one placement never has two offers open at once, and what is told stays told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from models.offers.context import OfferContext, PastDecision
from models.offers.decide import Choice, decide
from tests.models.offers.strategies import NOW, OUTCOMES, PLACEMENTS, contexts

HELD = st.sampled_from((timedelta(minutes=60), timedelta(days=7)))
WAITS = st.sampled_from(
    (timedelta(0), timedelta(minutes=30), timedelta(hours=2), timedelta(days=4), timedelta(days=30))
)


@dataclass(slots=True)
class Shopfront:
    """A customer in front of a shop: every decision is kept, as the decision store keeps it."""

    start: OfferContext
    held: timedelta
    kept: list[PastDecision] = field(default_factory=list)
    now_after: timedelta = timedelta(0)

    def at(self, placement: str) -> OfferContext:
        """The context at a placement now; what was accepted is owned and no longer for sale."""
        owned = {past.target for past in self.kept if "accept" in past.outcomes}
        left = tuple(target for target in self.start.targets if target.key not in owned)
        return replace(self.start, placement=placement, now=NOW + self.now_after, targets=left, past=tuple(self.kept))

    def ask(self, placement: str) -> Choice:
        """Decide and keep the decision, as serving does."""
        found = self.at(placement)
        choice = decide(found)
        if choice.repeat is None:
            target = choice.candidate.target.key if choice.candidate else None
            self.kept.append(
                PastDecision(
                    id=f"dec_{len(self.kept):04d}",
                    target=target,
                    placement=placement,
                    decided_at=found.now,
                    expires_at=found.now + self.held if target else None,
                    outcomes=frozenset(),
                )
            )
        return choice

    def answer(self, number: int, kind: str) -> None:
        """An outcome of one of the decisions so far."""
        if self.kept:
            place = number % len(self.kept)
            told = self.kept[place]
            self.kept[place] = replace(told, outcomes=told.outcomes | {kind})

    def open_at(self, placement: str) -> list[PastDecision]:
        """The offers a customer could still take at a placement."""
        found = self.at(placement)
        keys = {target.key for target in found.targets}
        return [
            past
            for past in self.kept
            if past.placement == placement
            and past.target in keys
            and past.expires_at is not None
            and found.now < past.expires_at
            and not past.outcomes & {"dismiss", "accept"}
        ]


ASKS = st.tuples(st.just("ask"), st.sampled_from(PLACEMENTS))
ANSWERS = st.tuples(st.just("answer"), st.tuples(st.integers(0, 50), st.sampled_from(OUTCOMES)))
PAUSES = st.tuples(st.just("wait"), WAITS)
CHANGES = st.tuples(st.just("opt_out"), st.booleans())
EVENTS = st.lists(st.one_of(ASKS, ASKS, ANSWERS, PAUSES, CHANGES), max_size=30)


@given(contexts().map(lambda found: replace(found, is_held_out=False, past=())), HELD, EVENTS)
def test_a_placement_never_has_two_offers_open_at_once(
    start: OfferContext, held: timedelta, events: list[tuple[str, object]]
) -> None:
    """Whatever is asked, shown, clicked, closed, taken or waited for, and whoever changes their mind about profiling."""
    front = Shopfront(start, held)
    for what, value in events:
        match what, value:
            case "ask", str(placement):
                before = front.open_at(placement)
                choice = front.ask(placement)
                assert choice.candidate is None or not before
                assert choice.repeat is None or [choice.repeat] == before
            case "answer", (int(number), str(kind)):
                front.answer(number, kind)
            case "wait", timedelta() as pause:
                front.now_after += pause
            case "opt_out", bool(opted_out):
                front.start = replace(front.start, opted_out=opted_out)
        assert all(len(front.open_at(placement)) <= 1 for placement in PLACEMENTS)


@given(contexts().map(lambda found: replace(found, past=())), HELD, EVENTS)
def test_a_held_out_customer_never_has_an_offer_at_any_time(
    start: OfferContext, held: timedelta, events: list[tuple[str, object]]
) -> None:
    """Through the whole sequence every kept decision is without a target."""
    front = Shopfront(replace(start, is_held_out=True), held)
    for what, value in events:
        if what == "ask":
            front.ask(str(value))
        elif isinstance(value, timedelta):
            front.now_after += value

    assert all(past.target is None for past in front.kept)
