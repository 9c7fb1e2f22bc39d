"""A decision as it is kept and as it is answered, made of the ask, the choice and the promise. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features.decisions.decision import Decision, reserve
from features.experiments.experiment import unit_key
from features.experiments.exposures_store import Exposed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from features.decisions.decision import Showing
    from models.offers.context import Choice, Wall
    from serving.predict.asking import Ask
    from serving.predict.promises import Promise


def answer_of(decision_id: str, reason: str, offer: Mapping[str, Any] | None, wall: Wall | None) -> dict[str, Any]:
    """The offer with its price, or null and the reason; `wall` explains what the customer ran into, offer or not."""
    document: dict[str, Any] = {"decision_id": decision_id, "offer": offer, "reason": reason}
    if wall is not None:
        document["wall"] = _wall(wall)
    return document


def decision_of(ask: Ask, choice: Choice, promise: Promise | None, decision_id: str) -> Decision:
    """The row of a choice that is no repetition."""
    candidate = choice.candidate
    about = candidate or choice.counterfactual
    trace = dict(choice.trace)
    if choice.wall is not None:
        trace["wall"] = _wall(choice.wall)
    if about is not None and about.signal is not None:
        signal = about.signal
        trace["answers"] = {
            "trigger": signal.trigger,
            "subject": signal.subject,
            "evidence": dict(signal.evidence),
        }
    return Decision(
        id=decision_id,
        customer_id=ask.card.customer.id,
        placement=ask.placement,
        target=candidate.target.key if candidate else None,
        target_kind=candidate.target.kind if candidate else None,
        quote_id=promise.quote_id if promise else None,
        message=candidate.message if candidate else "",
        reason=choice.reason,
        trace=trace,
        decided_at=ask.now,
        expires_at=promise.expires_at if promise else None,
        member=ask.member,
        rule=about.rule if about else None,
        would_target=choice.counterfactual.target.key if choice.counterfactual else None,
        is_held_out=ask.card.is_held_out,
        propensity=choice.propensity,
        expected_minor=choice.expected_minor,
        currency=ask.card.running.currency if ask.card.running else None,
        offer=promise.document if promise else None,
        experiments=[
            {
                "experiment": each.experiment,
                "arm": each.arm,
                "counterfactual": each.counterfactual,
                "propensity": each.propensity,
            }
            for each in choice.exposures
        ],
    )


def place_of(ask: Ask, choice: Choice, promise: Promise | None, decision_id: str) -> Showing | None:
    """The place that an offer takes under the caps, or would have taken; None where there was nothing to show."""
    taken = choice.candidate or choice.counterfactual
    if taken is None:
        return None
    return reserve(
        decision_id=decision_id,
        customer_id=ask.card.customer.id,
        member=ask.member,
        target=taken.target.key,
        placement=ask.placement,
        at=ask.now,
        rule=taken.rule,
        is_counterfactual=choice.candidate is None,
        open_until=promise.expires_at if promise else None,
        revision=promise.revision if promise else None,
    )


def exposures_of(ask: Ask, choice: Choice, decision_id: str) -> Iterator[Exposed]:
    """Whom the experiments of a choice met: the customer, or the member where an experiment is about members."""
    customer = ask.card.customer
    units = {each.key: each.unit for each in ask.card.shelf.running}
    for exposure in choice.exposures:
        unit = unit_key(units.get(exposure.experiment, "customer"), customer.key, ask.member)
        if unit is not None:
            yield Exposed(
                experiment=exposure.experiment,
                unit=unit,
                customer_id=customer.id,
                arm=exposure.arm,
                at=ask.now,
                counterfactual=exposure.counterfactual,
                propensity=exposure.propensity,
                decision_id=decision_id,
            )


def _wall(wall: Wall) -> Mapping[str, Any]:
    return {
        "feature": wall.feature,
        "name": wall.name,
        "unlocked_by": wall.unlocked_by,
        "unlocked_by_name": wall.unlocked_by_name,
    }
