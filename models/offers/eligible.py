"""Whether a candidate may be offered at all: to this customer, through this member, as what it claims to be. Tact comes later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from models.offers.considered import Considered, Stage
from models.offers.context import OfferKind, gives_more, unlocks
from models.offers.rules.save import may_save

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.offers.context import Candidate, OfferContext, Target

_SAVE: Final = OfferKind.SAVE.value
_BUNDLE: Final = OfferKind.BUNDLE.value
_PLAN: Final = OfferKind.PLAN.value
_ADDON: Final = OfferKind.ADDON.value
UNLOCKS_NOTHING: Final = "unlocks_nothing"
SAVING_FIRST: Final = "saving_first"


def eligible(context: OfferContext, candidates: Sequence[Candidate]) -> tuple[list[Candidate], list[Considered]]:
    """Those that may be offered, and the others with the first reason why not.

    Saving goes before selling: where a save-offer may be made, everything else is put aside.
    """
    passed, refused = [], []
    of_target: dict[str, str | None] = {}
    for candidate in candidates:
        target = candidate.target
        if target.key not in of_target:
            of_target[target.key] = unfit(context, target)
        code = of_target[target.key] or (UNLOCKS_NOTHING if _unlocks_nothing(context, candidate) else None)
        if code is None:
            passed.append(candidate)
        else:
            refused.append(Considered(candidate=candidate, stage=Stage.ELIGIBILITY, reason=code))
    if any(candidate.target.kind == _SAVE for candidate in passed):
        aside = [candidate for candidate in passed if candidate.target.kind != _SAVE]
        refused += [Considered(candidate=each, stage=Stage.ELIGIBILITY, reason=SAVING_FIRST) for each in aside]
        passed = [candidate for candidate in passed if candidate.target.kind == _SAVE]
    return passed, refused


def unfit(context: OfferContext, target: Target) -> str | None:
    """The first reason against a target, whatever it is offered for; None if there is none."""
    for code, holds in _CHECKS:
        if holds(context, target):
            return code
    return None


def _is_owned(context: OfferContext, target: Target) -> bool:
    if target.kind == _SAVE:
        return False
    is_current = context.current is not None and target.key == context.current.key
    return is_current or target.key in context.owned or not context.owned.isdisjoint(target.parts)


def _has_no_plan(context: OfferContext, target: Target) -> bool:
    return context.current is None and target.kind != _BUNDLE


def _is_foreign(context: OfferContext, target: Target) -> bool:
    currency = context.currency or (context.current.recurring.currency if context.current else "")
    return bool(currency) and target.recurring.currency != currency


def _has_no_price(_context: OfferContext, target: Target) -> bool:
    return target.kind != _SAVE and target.recurring.amount_minor <= 0


def _is_of_another_period(context: OfferContext, target: Target) -> bool:
    current = context.current
    if current is None or target.kind not in {_PLAN, _ADDON}:
        return False
    return (
        target.period_days < current.period_days if target.kind == _PLAN else target.period_days != current.period_days
    )


def _unlocks_nothing(context: OfferContext, candidate: Candidate) -> bool:
    feature, target = candidate.unlocks, candidate.target
    if feature is None:
        return False
    limit = next((use.limit for use in context.limits if use.feature == feature), None)
    return not (unlocks(target, feature) if limit is None else gives_more(target, feature, limit))


def _may_not_buy(context: OfferContext, _target: Target) -> bool:
    buyers = context.policy.buyers
    return bool(buyers) and context.role is not None and context.role not in buyers


def _is_not_leaving(context: OfferContext, target: Target) -> bool:
    return target.kind == _SAVE and not may_save(context, target)


_CHECKS: Final[tuple[tuple[str, Callable[[OfferContext, Target], bool]], ...]] = (
    ("no_subscription", _has_no_plan),
    ("owned", _is_owned),
    ("other_currency", _is_foreign),
    ("no_price", _has_no_price),
    ("other_period", _is_of_another_period),
    ("may_not_buy", _may_not_buy),
    ("not_leaving", _is_not_leaving),
)
