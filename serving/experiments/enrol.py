"""Arms that give rights: everybody whom the hash draws is enrolled when the experiment starts (or when they come), and freed when it ends.

Enrolment is the exposure, in the control arm too, so that both are counted from the same moment on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from billing.catalog.publish import fitting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.given import end_arm, give_arm
from features.experiments.exposures_store import Exposed, ExposureStore
from serving.predict.trials import arm_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.experiments.experiment import Experiment, Running

PART: Final = 200
"""Customers a unit of work."""


def enrol(
    unit: Unit, running: Running, keys: Sequence[str], *, is_held_out: Callable[[str], bool], now: datetime
) -> int:
    """Put customers (by key) whom the experiment has not seen into their arms and give what these give; how many were enrolled."""
    ids = CustomerStore(unit).ids_by_key(keys)
    fresh = set(ExposureStore(unit).missing(running.key, sorted(ids.values())))
    rows = []
    for key, customer_id in ids.items():
        drawn = arm_of(running, key, None) if customer_id in fresh and not is_held_out(key) else None
        if drawn is not None:
            rows.append(
                Exposed(
                    experiment=running.key,
                    unit=key,
                    customer_id=customer_id,
                    arm=drawn.arm,
                    at=now,
                    counterfactual=drawn.arm == running.arms[0],
                    propensity=drawn.propensity,
                )
            )
    ExposureStore(unit).add(rows)
    for row in rows:
        _give(unit, running, row, now=now)
    return len(rows)


def release(unit: Unit, experiment: Experiment, after: str, *, now: datetime) -> str | None:
    """Take back what arms gave, a part of the units after `after`; the unit to go on from, None when all were done."""
    part = ExposureStore(unit).units_after(experiment.run, after, PART)
    keys = {each.id: each.key for each in CustomerStore(unit).by_ids([who for _, who, _ in part]).values()}
    for _, customer_id, arm in part:
        for feature in experiment.treatments[arm].gives if arm in experiment.treatments else ():
            if customer_id in keys:
                end_arm(unit, keys[customer_id], feature, now=now)
    return part[-1][0] if len(part) == PART else None


def _give(unit: Unit, running: Running, row: Exposed, *, now: datetime) -> None:
    for feature, value in running.treatments[row.arm].gives.items():
        kind = CatalogStore(unit).feature(feature).kind
        give_arm(
            unit,
            row.unit,
            feature,
            value=fitting(kind, value, feature),
            experiment=running.key,
            arm=row.arm,
            ends_at=None,
            now=now,
        )
