"""Rights that are given rather than bought: set by hand in place of everything, tried out for a time, or given by an experiment's arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.publish import fitting
from billing.catalog.setting import said
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.grant import ARM, OVERRIDE, TRIAL, Grant
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence
from billing.kernel.errors import ConflictError, InvalidError, NotFoundError
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from billing.catalog.item import Feature
    from billing.catalog.setting import Value
    from billing.customers.customer import Customer
    from billing.db.session import Unit

LONGEST_REASON = 500
LONGEST_TRIAL_DAYS = 366


class OverrideNotFoundError(NotFoundError):
    """The customer's feature was not set by hand."""

    code = "override_not_found"


class TrialNotFoundError(NotFoundError):
    """The customer does not try this feature out."""

    code = "trial_not_found"


class TriedAlreadyError(ConflictError):
    """The customer has tried this feature before."""

    code = "tried_already"


class BadOverrideError(InvalidError):
    """The value does not fit the feature, there is no reason, or it would have ended already."""

    code = "bad_override"


def put_override(
    unit: Unit, customer: str, feature: str, *, value: Value, why: str, ends_at: datetime | None, now: datetime
) -> Grant:
    """Set a customer's right to a feature (both by key) from now on; one that was set before is replaced.

    `value` is true or false for a boolean feature, units a period or None (no limit) for a limit, any setting for a configuration.
    """
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    value = _fits(known, value, why, ends_at, now)
    GrantStore(unit).end_given(owner.id, known.key, now, kind=OVERRIDE)
    grant = _give(unit, owner, known, value, (OVERRIDE, OVERRIDE), why, (now, ends_at))
    told = {"customer": owner.key, "feature": known.key, "value": said(value), "why": grant.why}
    unit.emit("override.set", grant.id, told, now)
    return grant


def drop_override(unit: Unit, customer: str, feature: str, *, now: datetime) -> None:
    """Give a customer's feature (both by key) back to what was bought."""
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    if not GrantStore(unit).end_given(owner.id, known.key, now, kind=OVERRIDE):
        raise OverrideNotFoundError("nothing is set by hand here", customer=owner.key, feature=known.key)
    unit.emit("override.removed", new_id("ovr"), {"customer": owner.key, "feature": known.key}, now)


def start_trial(
    unit: Unit,
    customer: str,
    feature: str,
    *,
    value: Value,
    why: str,
    life: timedelta,
    now: datetime,
    again: bool = False,
) -> Grant:
    """Let a customer try a feature out (both by key) beside what they have: once, unless `again` says otherwise.

    Units of a limit add to those that were bought. Raises TriedAlreadyError.
    """
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    if not 0 < life.days <= LONGEST_TRIAL_DAYS:
        raise BadOverrideError(f"a trial lasts 1 to {LONGEST_TRIAL_DAYS} days", feature=known.key)
    ends_at = now + life
    value = _fits(known, value, why, ends_at, now)
    store = GrantStore(unit)
    if not again and store.had(owner.id, known.key, TRIAL):
        raise TriedAlreadyError(
            "this customer has tried the feature before; say `again` to let them once more",
            customer=owner.key,
            feature=known.key,
        )
    store.end_given(owner.id, known.key, now, kind=TRIAL)
    grant = _give(unit, owner, known, value, (TRIAL, TRIAL), why, (now, ends_at))
    unit.emit("trial.started", grant.id, {"customer": owner.key, "feature": known.key, "value": said(value)}, now)
    return grant


def end_trial(unit: Unit, customer: str, feature: str, *, now: datetime) -> None:
    """End a trial before its time."""
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    if not GrantStore(unit).end_given(owner.id, known.key, now, kind=TRIAL):
        raise TrialNotFoundError("this customer does not try the feature out", customer=owner.key, feature=known.key)
    unit.emit("trial.ended", new_id("tri"), {"customer": owner.key, "feature": known.key}, now)


def give_arm(
    unit: Unit,
    customer: str,
    feature: str,
    *,
    value: Value,
    experiment: str,
    arm: str,
    ends_at: datetime | None,
    now: datetime,
) -> Grant:
    """Give a customer what an experiment's arm says of a feature, in place of what they have bought; what was set by hand goes first."""
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    value = _fits(known, value, experiment, ends_at, now)
    GrantStore(unit).end_given(owner.id, known.key, now, kind=ARM)
    return _give(unit, owner, known, value, (ARM, f"{experiment}:{arm}"), experiment, (now, ends_at))


def end_arm(unit: Unit, customer: str, feature: str, *, now: datetime) -> bool:
    """Take back what an arm gave; whether there was anything."""
    owner, known = CustomerStore(unit).lock(customer), CatalogStore(unit).feature(feature)
    return GrantStore(unit).end_given(owner.id, known.key, now, kind=ARM)


def _give(  # noqa: PLR0917 (what a grant is made of)
    unit: Unit,
    owner: Customer,
    feature: Feature,
    value: Value,
    source: tuple[str, str],
    why: str,
    span: tuple[datetime, datetime | None],
) -> Grant:
    store, (now, ends_at) = GrantStore(unit), span
    sold = [grant for grant in store.of_customer(owner.id, now) if grant.is_sold]
    grant = Grant(
        id=new_id("gra"),
        customer_id=owner.id,
        feature=feature.key,
        value=value,
        source_kind=source[0],
        source_key=source[1],
        subscription_id="",
        cadence=sold[0].cadence if sold else Cadence(now, zone=owner.zone),
        starts_at=now,
        ends_at=ends_at,
        why=why.strip(),
    )
    store.add([grant])
    return grant


def _fits(feature: Feature, value: Value, why: str, ends_at: datetime | None, now: datetime) -> Value:
    if not 0 < len(why.strip()) <= LONGEST_REASON:
        raise BadOverrideError(f"say why, in 1 to {LONGEST_REASON} characters", feature=feature.key)
    if ends_at is not None and ends_at <= now:
        raise BadOverrideError("it would have ended already", feature=feature.key)
    try:
        return fitting(feature.kind, value, feature.key)
    except InvalidError as error:
        raise BadOverrideError(error.detail, feature=feature.key) from error
