"""Who is held out of all offers, by the business's own policy: they take part in no experiment, whatever it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.offers.store import OfferPolicyStore
from models.offers.holdout import is_held_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.session import Unit
    from serving.settings import Settings


def holdout_of(unit: Unit, settings: Settings) -> Callable[[str], bool]:
    """Whether a customer (by key) is held out."""
    policy, tenant_id = OfferPolicyStore(unit).get(), unit.scope.tenant_id
    share = policy.holdout_per_ten_thousand
    share = settings.holdout_per_ten_thousand if share is None else share
    return lambda key: is_held_out(tenant_id, key, share=share, salt=policy.holdout_salt)
