"""What showing an offer is expected to add: the chance that it changes something, times the margin over a year, less what a prompt annoys.

Chances come from what was tried: a Beta posterior for each rule and target, whose prior is the pooled rate of all offers, lower for what
costs more and for rules of lower priority. A fresh uplift of this customer sets the level of all of them; which is better than which is
left to what was tried. Amounts are minor units: whole ones for margins, means with standard deviations where chances enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from models.offers.context import OfferKind
from models.offers.restraint import is_held_by
from models.offers.rules.save import CANCELLING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import Candidate, OfferContext, Target

YEAR_DAYS: Final = 365
USUAL_RISK: Final = 0.05
"""The chance to leave within 30 days where no model says one."""
PRIOR_RATE: Final = 0.03
PRIOR_SHOWN: Final = 30.0
"""How many showings the prior of one rule and target weighs."""
PRIORITY_STEP: Final = 0.8
"""By how much a rule's prior chance falls with each step of priority."""
ENOUGH_SHOWN: Final = 100
"""From how many showings on an offer's own rate is taken as known."""
CONFIDENT: Final = 1.2816
"""The 90 % quantile of the normal distribution: with this confidence an offer of which little is known must be below nothing."""
_UNSURE: Final = 0.5
_BPS: Final = 10_000
_SAVE: Final = OfferKind.SAVE.value
_BUNDLE: Final = OfferKind.BUNDLE.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What one candidate is worth if shown.

    `gain` and `gain_sd` are what acceptances are expected to bring and rank candidates among themselves; `mean` and `sd` are the value of
    showing it, annoyance included. `source` says what the level rests on.
    """

    margin_minor: int
    gain: float
    gain_sd: float
    mean: float
    sd: float
    source: str
    is_tried: bool
    is_known: bool

    @property
    def is_refused(self) -> bool:
        """Whether it is not worth its prompt: by the mean where that is known, before only with high confidence, so that it is tried."""
        return self.margin_minor <= 0 or self.mean + (0 if self.is_known else CONFIDENT * self.sd) < 0

    def document(self) -> dict[str, Any]:
        """How it stands in the trace."""
        return {
            "margin_minor": self.margin_minor,
            "expected_minor": round(self.mean),
            "sd_minor": round(self.sd),
            "source": self.source,
        }


def worths(context: OfferContext, candidates: Sequence[Candidate]) -> list[Worth]:
    """The worth of each candidate; they come in the order of their rules' priority."""
    pooled = _pooled(context)
    places = {rule: place for place, rule in enumerate(dict.fromkeys(each.rule for each in candidates))}
    targets = {each.target.key: each.target for each in candidates}
    bases = {key: _base(context, target, pooled) for key, target in targets.items()}
    return [_worth(context, each, bases[each.target.key], places[each.rule]) for each in candidates]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What holds of a target whatever proposes it: its margin, its prior rate, and by what acceptances are multiplied."""

    margin: int
    prior: float
    level: float
    level_sd: float
    is_uplift: bool


def _base(context: OfferContext, target: Target, pooled: float) -> _Base:
    level, level_sd = _level(context, target, pooled)
    return _Base(
        margin=margin_minor(context, target),
        prior=pooled * _price_factor(context, target),
        level=level,
        level_sd=level_sd,
        is_uplift=_has_uplift(context, target),
    )


def _worth(context: OfferContext, candidate: Candidate, base: _Base, place: int) -> Worth:
    shown, accepted = context.learned.tried.get(f"{candidate.rule}:{candidate.target.key}", (0, 0))
    prior = min(base.prior * PRIORITY_STEP**place, _UNSURE)
    alpha, beta = PRIOR_SHOWN * prior + accepted, PRIOR_SHOWN * (1 - prior) + max(shown - accepted, 0)
    rate = alpha / (alpha + beta)
    rate_sd = sqrt(rate * (1 - rate) / (alpha + beta + 1))
    margin = base.margin
    return Worth(
        margin_minor=margin,
        gain=rate * margin,
        gain_sd=rate_sd * abs(margin),
        mean=base.level * rate * margin - context.policy.annoyance_minor,
        sd=abs(margin) * sqrt((base.level * rate_sd) ** 2 + (base.level_sd * rate) ** 2),
        source="uplift" if base.is_uplift else "tried" if shown else "prior",
        is_tried=shown > 0,
        is_known=base.is_uplift or shown >= ENOUGH_SHOWN,
    )


def margin_minor(context: OfferContext, target: Target) -> int:
    """What the business keeps more of over a year if this is accepted, against what it keeps otherwise; whole minor units.

    A bundle is paid once. A plan takes the place of the present one, an add-on comes beside it. A save-offer keeps somebody whose chance to
    stay would have been less: all that is paid with it, less what was to be expected without.
    """
    risk = _monthly_risk(context)
    if target.kind == _BUNDLE:
        return round(_kept(context, target))
    found = _kept(context, target) * _periods(target, risk)
    if target.kind == _SAVE and context.current is not None:
        pause = int((target.saving or {}).get("pause_days", 0))
        share = max(YEAR_DAYS - pause, 0) / YEAR_DAYS
        staying = 0.0 if is_held_by(context, CANCELLING) else (1 - risk)
        return round(found * share - staying * _kept(context, context.current) * _periods(context.current, risk))
    if target.kind == OfferKind.PLAN.value and context.current is not None:
        found -= _kept(context, context.current) * _periods(context.current, risk)
    return round(found)


def _kept(context: OfferContext, target: Target) -> float:
    """The margin of one period, in minor units."""
    amount = target.recurring.amount_minor
    return amount - target.cost.amount_minor if target.cost is not None else amount * context.policy.margin_bps / _BPS


def _periods(target: Target, risk: float) -> float:
    """How many periods are paid within a year, given the chance to leave within 30 days; the first for certain."""
    stay = (1 - risk) ** (target.period_days / 30)
    most = max(round(YEAR_DAYS / target.period_days), 1)
    return float(most) if stay >= 1 else (1 - stay**most) / (1 - stay)


def _monthly_risk(context: OfferContext) -> float:
    """The chance to leave within 30 days: the model's, brought to 30 days, or the usual one."""
    learned = context.learned
    if learned.churn_risk is None:
        return USUAL_RISK
    return float(1 - (1 - min(max(learned.churn_risk, 0.0), 0.99)) ** (30 / max(learned.churn_days, 1)))


def _pooled(context: OfferContext) -> float:
    """The rate at which offers are accepted, over everything that was tried."""
    shown = accepted = 0
    for times, taken in context.learned.tried.values():
        shown, accepted = shown + times, accepted + taken
    return (accepted + PRIOR_RATE * PRIOR_SHOWN) / (shown + PRIOR_SHOWN)


def _price_factor(context: OfferContext, target: Target) -> float:
    """What costs more is taken less often: before any evidence, twice the extra price half as often (from a quarter to twice)."""
    current = context.current
    if current is None or target.kind == _SAVE or current.recurring.amount_minor <= 0:
        return 1.0
    month = target.recurring.amount_minor * 30 / target.period_days
    own = current.recurring.amount_minor * 30 / current.period_days
    more = month - own if target.kind == OfferKind.PLAN.value else month
    return min(max(own / more, 0.25), 2.0) if more > 0 else 2.0


def _has_uplift(context: OfferContext, target: Target) -> bool:
    """Whether a model says freshly what offers change; of who is to be kept it says nothing."""
    return context.learned.uplift is not None and context.learned.uplift_fresh and target.kind != _SAVE


def _level(context: OfferContext, target: Target, pooled: float) -> tuple[float, float]:
    """By what acceptances are to be multiplied for this customer to get what an offer really changes, and its uncertainty."""
    learned = context.learned
    if learned.uplift is None or not _has_uplift(context, target):
        return 1.0, 0.0
    low, high = learned.uplift_low, learned.uplift_high
    spread = abs(learned.uplift) * _UNSURE if low is None or high is None else abs(high - low) / (2 * CONFIDENT)
    return learned.uplift / pooled, spread / pooled
