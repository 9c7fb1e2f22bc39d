"""The experiment's part in a decision: which trial decides here, what its arm changes, and which exposures follow.

Only who is triggered, eligible and unsuppressed is exposed, whatever the arm does next: the condition does not depend on it. Held-out
customers belong to no trial, yet what they would have seen follows the arm they would be in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from models.offers.context import HELD_OUT, OFFERED, PROGRAMME, Exposure
from models.offers.holdout import DEFAULT_SHARE_PER_TEN_THOUSAND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext, Trial

NOT_IN_ARM: Final = "not_in_arm"
HIDDEN: Final = "experiment"
BY_PRIORITY: Final = "priority"


def deciding(context: OfferContext) -> Trial | None:
    """The one trial that decides at this placement: the first by name, so that it never depends on an arm."""
    return min(context.trials, key=lambda trial: trial.experiment, default=None)


def is_hidden(trial: Trial | None) -> bool:
    """Whether the arm shows nothing."""
    return trial is not None and trial.treatment.get("show", True) is False


def is_in_arm(trial: Trial | None, candidate: Candidate) -> bool:
    """Whether the arm lets a candidate through."""
    rules = None if trial is None else trial.treatment.get("only_rules")
    return rules is None or candidate.rule in rules


def orders_by_priority(trial: Trial | None) -> bool:
    """Whether the arm takes the first by priority instead of the most valuable."""
    return trial is not None and trial.treatment.get("order") == BY_PRIORITY


def worded(trial: Trial | None, candidate: Candidate) -> Candidate:
    """The candidate with the arm's words, in which `{target}` stands for the offer's name."""
    words: Any = None if trial is None else trial.treatment.get("message")
    if not words:
        return candidate
    return replace(candidate, message=str(words).replace("{target}", candidate.target.name))


def trial_exposures(context: OfferContext, trial: Trial | None, *, is_shown: bool) -> tuple[Exposure, ...]:
    """That the trial could make a difference here; nobody who is held out is part of it."""
    if trial is None or context.is_held_out:
        return ()
    found = Exposure(
        experiment=trial.experiment, arm=trial.arm, counterfactual=not is_shown, propensity=trial.propensity
    )
    return (found,)


def programme_exposures(context: OfferContext, chosen: Candidate | None, trial: Trial | None) -> tuple[Exposure, ...]:
    """The programme and the rule, for who is shown an offer or would be but for the holdout; an arm that hides, hides from both."""
    if chosen is None or is_hidden(trial):
        return ()
    share = context.policy.holdout_per_ten_thousand
    held = (DEFAULT_SHARE_PER_TEN_THOUSAND if share is None else share) / 10_000
    arm, chance = (HELD_OUT, held) if context.is_held_out else (OFFERED, 1 - held)
    names = (PROGRAMME, rule_experiment(chosen.rule))
    return tuple(
        Exposure(experiment=name, arm=arm, counterfactual=context.is_held_out, propensity=chance) for name in names
    )


def rule_experiment(rule: str) -> str:
    """The built-in experiment of one rule's offers.

    >>> rule_experiment("limit_near")
    'offer:limit_near'
    """
    return f"offer:{rule}"


def trial_document(trials: Sequence[Trial], trial: Trial | None) -> dict[str, Any]:
    """The trials in the trace: the one that decided and the arm."""
    found: dict[str, Any] = {} if trial is None else {"experiment": trial.experiment, "arm": trial.arm}
    others = sorted(each.experiment for each in trials if each is not trial)
    return {**found, "aside": others} if others else found
