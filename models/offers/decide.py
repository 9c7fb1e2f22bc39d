"""The decision: from signals to candidates, what is eligible, what keeps it back, what it is worth, which arm, and which one.

Every stage is a pure function whose refusals are kept, and the answer is read off them (experiments study, section 8). All chance comes
from the context's `draw_seed`. Held-out customers get no offer; what they would have seen is decided at the same point as for everybody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from models.offers.arm import (
    HIDDEN,
    NOT_IN_ARM,
    deciding,
    is_hidden,
    is_in_arm,
    orders_by_priority,
    programme_exposures,
    trial_document,
    trial_exposures,
    worded,
)
from models.offers.considered import NOTHING, Considered, Stage, told, verdict
from models.offers.context import Choice, Learned
from models.offers.eligible import eligible
from models.offers.explore import draw, propensities
from models.offers.registry import RULES
from models.offers.reopen import reopened
from models.offers.suppress import HOLDOUT, ORDER, suppress
from models.offers.wall import wall_of
from models.offers.worth import worths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext, Trial
    from models.offers.rules.contract import OfferRule
    from models.offers.worth import Worth

NOT_WORTH_IT = "not_worth_it"
NO_SUBSCRIPTION = "no_subscription"
OPEN_OFFER = "open_offer"
NOT_DRAWN = "not_drawn"
SAME_TARGET = "same_target"


def decide(context: OfferContext, rules: Sequence[OfferRule] = RULES) -> Choice:
    """The best thing to do for this customer now."""
    known = _without_profile(context) if context.opted_out else context
    wall = wall_of(known)
    again = reopened(known, rules)
    if again is not None:
        trace = {**_trace(known, []), "repeat": again.id}
        return Choice(candidate=None, repeat=again, reason=OPEN_OFFER, wall=wall, trace=trace)
    fitting, unfit = eligible(known, propose(known, rules))
    free, kept_back = suppress(known, fitting)
    valued, unworthy = _valued(known, free)
    trial = deciding(known)
    ways = [*unfit, *kept_back, *unworthy, *_drawn(known, valued, trial)]
    return replace(_choice(known, ways, trial, is_exposed=bool(valued)), wall=wall)


def propose(context: OfferContext, rules: Sequence[OfferRule] = RULES) -> list[Candidate]:
    """What the rules propose, by priority, each rule's strongest and then cheapest first. Of who opted out only plain rules are asked."""
    asked = sorted((r for r in rules if not (context.opted_out and r.is_personal)), key=lambda r: (r.priority, r.key))
    return [candidate for rule in asked for candidate in sorted(rule.propose(context), key=_by_strength)]


def _by_strength(candidate: Candidate) -> tuple[float, int, str]:
    return -candidate.strength, candidate.target.recurring.amount_minor, candidate.target.key


def _without_profile(context: OfferContext) -> OfferContext:
    return replace(context, learned=Learned(tried=context.learned.tried))


def _valued(
    context: OfferContext, candidates: Sequence[Candidate]
) -> tuple[list[tuple[Candidate, Worth]], list[Considered]]:
    """The candidates that are worth showing, and those that are not."""
    valued, refused = [], []
    for candidate, worth in zip(candidates, worths(context, candidates), strict=True):
        if worth.is_refused:
            refused.append(_refused(context, candidate, Stage.VALUE, NOT_WORTH_IT, worth))
        else:
            valued.append((candidate, worth))
    return valued, refused


def _drawn(context: OfferContext, valued: Sequence[tuple[Candidate, Worth]], trial: Trial | None) -> list[Considered]:
    """The draw among what the arm lets through: one candidate reaches the end, the others say that they were not drawn.

    Of several reasons for one target the first by priority stands for it.
    """
    inside: dict[str, tuple[Candidate, Worth]] = {}
    ways: list[Considered] = []
    for candidate, worth in valued:
        if not is_in_arm(trial, candidate):
            ways.append(_refused(context, candidate, Stage.EXPERIMENT, NOT_IN_ARM, worth))
        elif candidate.target.key in inside:
            ways.append(_refused(context, candidate, Stage.DRAW, SAME_TARGET, worth))
        else:
            inside[candidate.target.key] = (candidate, worth)
    if not inside:
        return ways
    chances = _chances([worth for _, worth in inside.values()], context, trial)
    chosen = draw(chances, context.draw_seed)
    for place, ((candidate, worth), chance) in enumerate(zip(inside.values(), chances, strict=True)):
        if place == chosen:
            said, code = worded(trial, candidate), _end(context, candidate, trial)
            ways.append(Considered(candidate=said, stage=Stage.END, reason=code, worth=worth, propensity=chance))
        else:
            ways.append(_refused(context, candidate, Stage.DRAW, NOT_DRAWN, worth, chance))
    return ways


def _chances(worths: Sequence[Worth], context: OfferContext, trial: Trial | None) -> tuple[float, ...]:
    if orders_by_priority(trial):
        return (1.0, *[0.0] * (len(worths) - 1))
    return propensities(worths, context.policy.explore)


def _refused(  # noqa: PLR0917 (the way of a candidate, in its order)
    context: OfferContext, candidate: Candidate, stage: Stage, code: str, worth: Worth, chance: float | None = None
) -> Considered:
    """A candidate that ends here; of the held-out the holdout is the first reason, as it would have been."""
    codes = (HOLDOUT, code) if context.is_held_out else (code,)
    return Considered(candidate=candidate, stage=stage, reason=codes[0], also=codes[1:], worth=worth, propensity=chance)


def _end(context: OfferContext, candidate: Candidate, trial: Trial | None) -> str:
    if context.is_held_out:
        return HOLDOUT
    return HIDDEN if is_hidden(trial) else candidate.rule


def _choice(context: OfferContext, ways: Sequence[Considered], trial: Trial | None, *, is_exposed: bool) -> Choice:
    trace = _trace(context, ways)
    reason = verdict(trace["candidates"], ORDER)
    if reason == NOTHING and context.current is None:
        reason = NO_SUBSCRIPTION
    end = next((way for way in ways if way.stage is Stage.END), None)
    chosen = None if end is None else end.candidate
    is_shown = chosen is not None and not context.is_held_out and not is_hidden(trial)
    if chosen is not None and not is_shown:
        trace["would_have_shown"] = told(chosen)
    if not is_shown and reason not in {NOTHING, NO_SUBSCRIPTION}:
        trace["suppressed"] = reason
    if is_exposed and context.trials:
        trace["experiment"] = trial_document(context.trials, trial)
    return Choice(
        candidate=chosen if is_shown else None,
        repeat=None,
        reason=reason,
        propensity=1.0 if end is None or end.propensity is None else end.propensity,
        expected_minor=None if end is None or end.worth is None else round(end.worth.mean),
        counterfactual=None if is_shown else chosen,
        exposures=(
            *programme_exposures(context, chosen, trial),
            *(trial_exposures(context, trial, is_shown=is_shown) if is_exposed else ()),
        ),
        trace=trace,
    )


def _trace(context: OfferContext, ways: Sequence[Considered]) -> dict[str, Any]:
    learned = context.learned
    return {
        "candidates": [way.document() for way in ways],
        "targets": [target.key for target in context.targets],
        "signals": sorted({signal.trigger for signal in context.signals}),
        "profiling": not context.opted_out,
        "propensity": learned.propensity,
        "churn_risk": learned.churn_risk,
        "uplift": learned.uplift if learned.uplift_fresh else None,
    }
