"""Why a decision was as it was, in sentences for people: made of the row and its trace, so that they say what happened. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from serving.predict.plain_words import said_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from features.decisions.decision import Decision

_REASONS: Final[Mapping[str, str]] = {
    "nothing_to_offer": "Nothing that happened lately calls for an offer.",
    "no_subscription": "There is no subscription that an offer could change.",
    "killed": "What would have been offered is switched off.",
    "no_consent": "The customer has not agreed to be shown offers.",
    "holdout": "The customer is one of those who see no offers, so that what offers earn can be measured.",
    "payment_failed": "A payment is open, and nothing is sold until it is settled.",
    "ticket_open": "A support request is open, and nothing is sold until it is answered.",
    "incident": "Something is broken for everybody, and nothing is sold meanwhile.",
    "cancelling": "The customer is about to leave, and no promotion is shown to them.",
    "held_back": "Something holds offers back from this customer for now.",
    "grace": "The customer is new and is left alone for the first days.",
    "quiet_hours": "It is a quiet hour where the customer lives.",
    "cooling_down": "An offer was dismissed lately, so the customer is left alone for a while.",
    "cap_offer": "This offer was shown as often as it may be.",
    "cap_placement": "Enough offers were shown at this place.",
    "cap_person": "This person has seen as many offers as they may for now.",
    "cap_customer": "This customer has seen as many offers as they may for now.",
    "cap_tenant": "As many offers were shown to everybody as may be for now.",
    "not_worth_it": "Showing it would very likely cost more than it earns.",
    "experiment": "An experiment compares showing this offer with not showing it, and this customer is shown none.",
    "not_in_arm": "The customer's arm of an experiment shows other offers only.",
    "not_drawn": "Another offer was drawn among those that could be shown.",
}


def explained(decision: Decision) -> list[str]:
    """The sentences, the most important first."""
    sentences = [_verdict(decision)]
    answers = decision.trace.get("answers")
    if answers:
        sentences.append(said_of(answers["trigger"], answers.get("subject"), answers.get("evidence", {})))
    if decision.target is not None:
        sentences.append(_chance(decision))
    if decision.would_target is not None:
        sentences.append(f"Otherwise {decision.would_target!r} would have been offered.")
    if decision.trace.get("profiling") is False:
        sentences.append("The customer opted out of profiling: no model and no comparison with others was used.")
    wall = decision.trace.get("wall")
    if wall:
        opened = f" {wall['unlocked_by_name']} would open it." if wall.get("unlocked_by_name") else ""
        sentences.append(f"They ran into {wall['name']}.{opened}")
    return [*sentences, *_arms(decision.experiments)]


def _verdict(decision: Decision) -> str:
    if decision.target is not None:
        return f"{decision.target!r} was offered by the rule {decision.rule or decision.reason!r}."
    return _REASONS.get(decision.reason, f"No offer was made: {decision.reason}.")


def _chance(decision: Decision) -> str:
    words = f"It was drawn with a chance of {100 * decision.propensity:.1f} % among what could be shown"
    if decision.expected_minor is None or decision.currency is None:
        return f"{words}."
    return f"{words}, and expected to earn {decision.expected_minor} minor units of {decision.currency}."


def _arms(experiments: Sequence[Mapping[str, Any]]) -> list[str]:
    return [
        f"It counts in the experiment {each['experiment']!r}, arm {each['arm']!r}"
        f"{', as what would have been shown' if each.get('counterfactual') else ''}."
        for each in experiments
    ]
