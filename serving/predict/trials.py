"""Which arms of running experiments a customer (or member) is in here: what the decision weighs, and what `assignment` answers.

Asking never counts as an exposure. Holdouts come first: who is held out of all offers takes part in no experiment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.experiments.experiment import unit_key
from features.experiments.exposures_store import ExposureStore
from models.experiments.allot import allot
from models.experiments.plan_document import from_document
from models.offers.context import Trial

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from billing.db.session import Unit
    from features.experiments.experiment import Running
    from models.experiments.allot import Allotted


def trials_of(
    running: Sequence[Running],
    customer_key: str,
    member: str | None,
    *,
    kept: Mapping[str, str] | None = None,
    held_out: bool = False,
) -> tuple[Trial, ...]:
    """The arms of a customer (by key) and member in these experiments, in their order.

    `kept` has, by name of the run, the arm in which a sticky one first saw the unit (`kept_arms`).
    """
    if held_out:
        return ()
    found = []
    for each in running:
        allotted = arm_of(each, customer_key, member, kept=(kept or {}).get(each.key))
        if allotted is not None:
            found.append(
                Trial(
                    experiment=each.key,
                    arm=allotted.arm,
                    is_control=allotted.arm == each.arms[0],
                    treatment=each.treatments[allotted.arm].words if allotted.arm in each.treatments else {},
                    propensity=allotted.propensity,
                )
            )
    return tuple(found)


def arm_of(running: Running, customer_key: str, member: str | None, *, kept: str | None = None) -> Allotted | None:
    """The arm of one experiment; None where the unit takes no part."""
    plan = from_document(running.plan)
    drawn = unit_key(plan.assigned_by, customer_key, member)
    counted = unit_key(running.unit, customer_key, member)
    if drawn is None or counted is None:
        return None
    return allot(
        plan,
        drawn,
        coverage=running.coverage,
        shares=running.shares,
        kept=kept if running.is_sticky else None,
    )


def kept_arms(unit: Unit, running: Sequence[Running], customer_key: str, member: str | None) -> dict[str, str]:
    """The arms that sticky experiments hold this customer or member to, by name of the run; no query where none is sticky."""
    by_unit: dict[str, list[str]] = {}
    for each in running:
        counted = unit_key(each.unit, customer_key, member)
        if each.is_sticky and counted is not None:
            by_unit.setdefault(counted, []).append(each.key)
    found: dict[str, str] = {}
    for name, experiments in by_unit.items():
        found |= ExposureStore(unit).kept(experiments, name)
    return found
