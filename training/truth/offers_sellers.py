"""Two ways of selling in a simulated shop: the rule that everybody starts with, and the product's own decision pipeline.

Both see the same visits and are held to the same share of customers held out. The rule shows the next plan to whoever has reached the
limit, at most once in seven days, as the pipeline's default cap for a person. The pipeline is `models.offers.decide.decide`, given nothing
but what the product would know; nothing in it was set for the simulation.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.kernel.money import Money
from features.offers.policy import OfferPolicy
from models.offers.context import Learned, LimitUse, Negative, OfferContext, PastDecision, Shown, Target
from models.offers.decide import decide
from training.simulate.offers import (
    ADDON_MINOR,
    BOOST,
    BOOST_UNITS,
    DELIVERIES,
    EARLY,
    LIMITS,
    PERIOD_WEEKS,
    PLAN_MINOR,
    PLANS,
    TASTINGS,
)
from training.simulate.offers_life import VISIT_HOUR_SHARE, Offered
from training.truth.offers_signals import WEEK, SignalBook, instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from models.offers.context import Choice
    from training.simulate.offers import OfferWorld
    from training.simulate.offers_life import Answer, Seen

PLACEMENT: Final = "home"
CURRENCY: Final = "EUR"
OPEN_FOR: Final = timedelta(hours=24)
_PERIOD_DAYS: Final = 7 * PERIOD_WEEKS


class LimitReached:
    """The rule alone: limit reached, so show the upgrade."""

    def opens(self, coming: list[Seen]) -> None:
        """A rule prepares nothing."""

    def offer(self, seen: Seen) -> Offered | None:
        """The next plan to whoever is at the limit; visits are weekly, so nobody sees it twice in seven days."""
        if seen.limit is None or seen.used < seen.limit or seen.plan + 1 >= len(PLANS):
            return None
        return Offered(PLANS[seen.plan + 1], "limit_reached")

    def answered(self, _seen: Seen, _offered: Offered, _answer: Answer) -> None:
        """A rule learns nothing."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What a time of learning left: scores of a customer by what is seen of them, and how offers fared."""

    score: Callable[[list[Seen]], list[Learned]]
    tried: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _File:
    """What the product keeps of one customer."""

    past: list[PastDecision] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    signals: SignalBook = field(default_factory=SignalBook)


class Pipeline:
    """The product's decision, asked at each visit; remembers what was shown and what came of it, as the product's tables do."""

    def __init__(
        self, world: OfferWorld, knowledge: Knowledge, *, seed: int, policy: OfferPolicy | None = None
    ) -> None:
        self._world, self._knowledge, self._seed = world, knowledge, seed
        self._policy = policy or OfferPolicy(margin_bps=round(world.plan_margin * 10_000))
        self._files: dict[int, _File] = defaultdict(_File)
        self._tried = dict(knowledge.tried)
        self._made = 0
        self._plans = {plan: _plan(world, place) for place, plan in enumerate(PLANS)}
        self._addons = {addon: _addon(world, addon) for addon in ADDON_MINOR}
        self._scores: dict[int, Learned] = {}
        self.reasons: dict[str, int] = defaultdict(int)

    def opens(self, coming: list[Seen]) -> None:
        """Everybody who comes is scored at once, as the nightly run does."""
        self._scores = dict(zip((seen.customer for seen in coming), self._knowledge.score(coming), strict=True))

    def offer(self, seen: Seen) -> Offered | None:
        """What the pipeline shows, or would show the held-out."""
        context = self._context(seen)
        choice = decide(context)
        self.reasons[choice.reason] += 1
        shown = choice.counterfactual if seen.held_out else choice.candidate
        if shown is None:
            return _again(choice)
        self._made += 1
        self._keep(seen, context.now, shown.target.key, shown.rule)
        return Offered(shown.target.key, shown.rule)

    def answered(self, seen: Seen, offered: Offered, answer: Answer) -> None:
        """Notes the outcome on the newest decision, and counts it among what was tried."""
        file = self._files[seen.customer]
        latest = file.past[-1]
        came = (
            {"impression"} | ({"accept"} if answer.accepted else set()) | ({"dismiss"} if answer.dismissed else set())
        )
        file.past[-1] = replace(
            latest,
            outcomes=frozenset(came),
            dismissed_at=instant(seen.week + VISIT_HOUR_SHARE) if answer.dismissed else None,
        )
        if seen.held_out:
            return
        key = f"{offered.rule}:{offered.target}"
        shown, taken = self._tried.get(key, (0, 0))
        self._tried[key] = (shown + 1, taken + answer.accepted)

    def _keep(self, seen: Seen, now: datetime, target: str, rule: str) -> None:
        file, number = self._files[seen.customer], f"dec_{self._made}"
        file.past.append(
            PastDecision(
                id=number,
                target=target,
                placement=PLACEMENT,
                decided_at=now,
                expires_at=now + OPEN_FOR,
                outcomes=frozenset(),
                rule=rule,
                is_counterfactual=seen.held_out,
            )
        )
        file.shown.append(
            Shown(decision=number, target=target, placement=PLACEMENT, member=None, at=now, confirmed=True)
        )

    def _context(self, seen: Seen) -> OfferContext:
        now, file = instant(seen.week + VISIT_HOUR_SHARE), self._files[seen.customer]
        return OfferContext(
            customer=f"c{seen.customer:05d}",
            placement=PLACEMENT,
            now=now,
            is_held_out=seen.held_out,
            opted_out=False,
            current=self._plans[PLANS[seen.plan]],
            targets=self._targets(seen),
            customer_since=now - WEEK * seen.joined_weeks,
            owned=frozenset({PLANS[seen.plan], *seen.addons}),
            limits=_limits(seen),
            denials={feature: times for feature, times in seen.denials.items() if feature != DELIVERIES},
            signals=file.signals.at(seen, now),
            negatives=_negatives(seen, now),
            learned=replace(self._scores[seen.customer], tried=self._tried),
            past=tuple(file.past),
            shown=tuple(file.shown),
            policy=self._policy,
            draw_seed=self._seed * 1_000_003 + seen.customer * 1_009 + seen.week,
            currency=CURRENCY,
        )

    def _targets(self, seen: Seen) -> tuple[Target, ...]:
        plans = [self._plans[plan] for plan in PLANS[seen.plan + 1 :]]
        addons = [target for key, target in self._addons.items() if key not in seen.addons]
        if seen.limit is None:
            addons = [target for target in addons if target.key != BOOST]
        return tuple(sorted([*plans, *addons], key=lambda target: (target.recurring.amount_minor, target.key)))


def _again(choice: Choice) -> Offered | None:
    """An offer that is still open is shown again."""
    if choice.repeat is None or choice.repeat.target is None:
        return None
    return Offered(choice.repeat.target, choice.repeat.rule or choice.reason)


def _plan(world: OfferWorld, place: int) -> Target:
    price = PLAN_MINOR[place]
    gives: dict[str, bool | int | None] = {DELIVERIES: LIMITS[place]}
    if place:
        gives[EARLY] = True
    return Target(
        kind="plan",
        key=PLANS[place],
        name=PLANS[place].title(),
        rank=place,
        gives=gives,
        recurring=Money(price, CURRENCY),
        cost=Money(round(price * (1 - world.plan_margin)), CURRENCY),
        period_days=_PERIOD_DAYS,
    )


def _addon(world: OfferWorld, key: str) -> Target:
    price = ADDON_MINOR[key]
    gives: dict[str, bool | int | None] = {DELIVERIES: BOOST_UNITS} if key == BOOST else {TASTINGS: True}
    return Target(
        kind="addon",
        key=key,
        name="Delivery boost" if key == BOOST else "Tasting box",
        rank=0,
        gives=gives,
        recurring=Money(price, CURRENCY),
        cost=Money(round(price * (1 - world.addon_margin)), CURRENCY),
        period_days=_PERIOD_DAYS,
    )


def _limits(seen: Seen) -> tuple[LimitUse, ...]:
    if seen.limit is None:
        return ()
    return (LimitUse(feature=DELIVERIES, name="Deliveries", used=seen.used, limit=seen.limit),)


def _negatives(seen: Seen, now: datetime) -> tuple[Negative, ...]:
    found = [("ticket_open", seen.ticket_open), ("payment_failed", seen.payment_failed)]
    return tuple(Negative(kind=kind, since=now - timedelta(days=1)) for kind, holds in found if holds)
