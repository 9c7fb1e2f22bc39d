"""Overrides: a right that the business sets by hand for one customer, in place of what plans and add-ons give, until it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.item import FeatureKind
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.grant import OVERRIDE, Grant
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence
from billing.kernel.errors import InvalidError, NotFoundError
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.item import Feature
    from billing.db.session import Unit

MOST = 10**15
LONGEST_REASON = 500


class OverrideNotFoundError(NotFoundError):
    """The customer's feature was not set by hand."""

    code = "override_not_found"


class BadOverrideError(InvalidError):
    """The value does not fit the feature, there is no reason, or it would have ended already."""

    code = "bad_override"


def put_override(
    unit: Unit,
    customer: str,
    feature: str,
    *,
    value: bool | int | None,
    why: str,
    ends_at: datetime | None,
    now: datetime,
) -> Grant:
    """Set a customer's right to a feature (both by key) from now on; one that was set before is replaced.

    `value` is true or false for a boolean feature, and units a period or None (no limit) for a limit.
    """
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    _fits(known, value, why, ends_at, now)
    store = GrantStore(unit)
    store.end_override(owner.id, known.key, now)
    sold = [grant for grant in store.of_customer(owner.id, now) if grant.is_sold]
    grant = Grant(
        id=new_id("gra"),
        customer_id=owner.id,
        feature=known.key,
        value=value,
        source_kind=OVERRIDE,
        source_key=OVERRIDE,
        subscription_id="",
        cadence=sold[0].cadence if sold else Cadence(now, zone=owner.zone),
        starts_at=now,
        ends_at=ends_at,
        why=why.strip(),
    )
    store.add([grant])
    unit.emit("override.set", grant.id, {"customer": owner.key, "feature": known.key, "value": value, "why": why}, now)
    return grant


def drop_override(unit: Unit, customer: str, feature: str, *, now: datetime) -> None:
    """Give a customer's feature (both by key) back to what was bought."""
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    if not GrantStore(unit).end_override(owner.id, known.key, now):
        raise OverrideNotFoundError("nothing is set by hand here", customer=owner.key, feature=known.key)
    unit.emit("override.removed", new_id("ovr"), {"customer": owner.key, "feature": known.key}, now)


def _fits(feature: Feature, value: bool | int | None, why: str, ends_at: datetime | None, now: datetime) -> None:  # noqa: FBT001 (a right's value)
    if (feature.kind is FeatureKind.BOOLEAN) is not isinstance(value, bool):
        wanted = "true or false" if feature.kind is FeatureKind.BOOLEAN else "a whole number, or null for no limit"
        raise BadOverrideError(f"the value of this feature is {wanted}", feature=feature.key)
    if isinstance(value, int) and not 0 <= value <= MOST:
        raise BadOverrideError(f"a limit is from 0 to {MOST}", feature=feature.key)
    if not 0 < len(why.strip()) <= LONGEST_REASON:
        raise BadOverrideError(f"say why, in 1 to {LONGEST_REASON} characters", feature=feature.key)
    if ends_at is not None and ends_at <= now:
        raise BadOverrideError("it would have ended already", feature=feature.key)
