"""Changing the offer policy: put it whole, or switch one rule, target or placement off and on again. Both take effect with the commit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from features.offers.store import OfferPolicyStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit
    from features.offers.policy import OfferPolicy


def put_policy(unit: Unit, policy: OfferPolicy, *, now: datetime) -> OfferPolicy:
    """The whole policy, in place of the one before."""
    return OfferPolicyStore(unit).change(lambda _: policy, now)


def kill(unit: Unit, name: str, *, now: datetime) -> OfferPolicy:
    """Switch off a rule, a target or a placement by its name, or everything with `*`. Twice is the same as once."""
    return OfferPolicyStore(unit).change(lambda policy: replace(policy, killed=policy.killed | {name}), now)


def revive(unit: Unit, name: str, *, now: datetime) -> OfferPolicy:
    """Switch on again what was killed under this name; what was not killed stays as it is."""
    return OfferPolicyStore(unit).change(lambda policy: replace(policy, killed=policy.killed - {name}), now)
