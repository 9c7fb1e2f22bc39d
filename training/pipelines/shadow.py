"""The challenger in the shadow: it scores the same customers as the champion, and serves once it has stood there long enough and agrees.

Agreement is about level and spread, not about order: a challenger is meant to order customers better. One whose scores lie elsewhere as a
whole would move every threshold that people have set on them, so it is withdrawn and the reason is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from features.releases.record import Shadow
from features.releases.store import ReleaseStore
from training.history import features_at
from training.watch.drift import bin_values, shift_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.tabular.explained import ExplainedModel
    from training.context import JobContext

MOST_PSI = 0.25
MOST_MEAN_GAP = 0.05
FEWEST = 50


def stand_in_shadow(context: JobContext, task: str, version: str, reason: str) -> str:
    """Let a version that passed the gate stand in the shadow; the answer is the sentence that says so."""
    until = context.shadow_until
    shadow = Shadow(task=task, version=version, since=context.now, until=until, reason=reason)
    with context.database.unit(context.scope) as unit:
        ReleaseStore(unit).put_shadow(shadow)
    return f"{version} scores in the shadow until {until:%Y-%m-%d %H:%M} UTC before it may serve. {reason}"


def standing(context: JobContext, task: str) -> Shadow | None:
    """The challenger in the task's shadow."""
    with context.database.view(context.scope) as unit:
        return ReleaseStore(unit).shadow(task)


def tend_shadow(
    context: JobContext,
    task: str,
    customers: NDArray[Any],
    load: Callable[[Any], ExplainedModel],
) -> str | None:
    """Compare the challenger with the champion on the customers that are scored now, and decide once its time has come.

    The answer is a sentence when something was decided, else None.
    """
    shadow, champion = standing(context, task), context.registry.champion(context.scope.tenant_id, task)
    if shadow is None or champion is None:
        return None
    versions = {one.version: one for one in context.registry.versions(context.scope.tenant_id, task)}
    if shadow.version not in versions or not customers.size:
        return None
    context.tell(f"scoring with the challenger {shadow.version}")
    moment = context.history.until_us
    scores = []
    for folder in (champion.folder, versions[shadow.version].folder):
        model = load(folder)
        scores.append(model.probability(features_at(context.history, model.columns, customers, moment)))
    compared = compare(scores[0], scores[1])
    with context.database.unit(context.scope) as unit:
        ReleaseStore(unit).compare_shadow(task, shadow.version, compared)
    if context.now < shadow.until:
        return None
    return _decide(context, shadow, compared)


def compare(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> dict[str, Any]:
    """How a challenger's scores (`theirs`) lie beside the champion's on the same customers."""
    shift = shift_of(bin_values(ours), theirs)
    agrees = ours.size < FEWEST or (shift.psi <= MOST_PSI and abs(float((theirs - ours).mean())) <= MOST_MEAN_GAP)
    return {
        "customers": int(ours.size),
        "stability_index": round(shift.psi, 4),
        "mean_difference": round(float((theirs - ours).mean()), 5),
        "largest_difference": round(float(np.abs(theirs - ours).max()), 5),
        "agrees": bool(agrees),
    }


def _decide(context: JobContext, shadow: Shadow, compared: dict[str, Any]) -> str:
    beside = (
        f"beside the champion's its scores have a stability index of {compared['stability_index']:.2f} ({MOST_PSI:.2f} allowed) "
        f"and lie {compared['mean_difference']:+.3f} on average ({MOST_MEAN_GAP:.2f} allowed)"
    )
    if compared["agrees"]:
        context.registry.promote(
            context.scope.tenant_id,
            shadow.task,
            shadow.version,
            f"Out of the shadow: {beside}. {shadow.reason}",
            context.now,
        )
        return f"{shadow.version} left the shadow and serves: {beside}."
    with context.database.unit(context.scope) as unit:
        ReleaseStore(unit).drop_shadow(shadow.task)
        unit.emit_once(
            "model.withdrawn",
            f"{shadow.task}:{shadow.version}",
            {"task": shadow.task, "version": shadow.version, "reason": beside},
            context.now,
        )
    return f"{shadow.version} was withdrawn from the shadow: {beside}."
