"""Behavioural segments: clusters of customers by what they do, with names that people can read and ids that outlive a refit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.catalog import CLUSTERS
from features.segments.evaluate import evaluate_all
from features.segments.observe import CLUSTERS as CLUSTERS_SCHEME
from features.segments.standing.announce import announce
from features.segments.standing.store import moves_between
from features.segments.store import Segment, SegmentStore
from features.sources import instant_of
from models.clusters.fit import fit_clusters
from models.clusters.model import ClusterModel
from training.context import JobReport
from training.gate import GateCheck, GateReport
from training.history import features_at
from training.release import release

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.clusters.fit import ClusterReport
    from models.tabular.table import FeatureTable
    from training.context import JobContext

TASK = "segments"
_LEAST_SHARE = 0.01
_SHOWN = 3


def run(context: JobContext) -> JobReport:
    """Cluster everybody known now, publish the clusters, and put the customers into their segments."""
    moment = context.history.until_us
    customers = context.history.customers_before(moment)
    if customers.size == 0:
        return JobReport(
            task=TASK, version=None, promoted=False, reason="Nothing to segment: no customer has done anything yet."
        )
    context.tell(f"features of {customers.size} customers")
    table = features_at(context.history, CLUSTERS, customers, moment)
    champion = context.registry.champion(context.scope.tenant_id, TASK)
    previous = ClusterModel.load(champion.folder) if champion else None
    model, report = fit_clusters(table, seed=context.seed, previous=previous, progress=context.tell)
    gate = _gate(model, report)
    found = release(
        context,
        TASK,
        model,
        gate,
        rows=len(table),
        features=CLUSTERS,
        metrics={},
        baselines={},
        limits=("Clusters describe behaviour in the window; they do not say why customers differ.",),
        details={"silhouettes": {str(k): v for k, v in report.silhouettes.items()}, "share_moved": report.share_moved},
    )
    if found.promoted:
        _place(context, model, table, customers, found.version or "")
    context.tell("life cycle, RFM and rules")
    evaluate_all(context.database, context.scope, now=context.now, tables=context.history.tables)
    return found


def _gate(model: ClusterModel, report: ClusterReport) -> GateReport:
    smallest = min(cluster.share for cluster in model.clusters)
    large_enough = len(model.clusters) == 1 or smallest >= _LEAST_SHARE
    checks: tuple[GateCheck, ...] = (
        GateCheck(name="chosen", passed=True, explanation=report.why),
        GateCheck(
            name="size",
            passed=large_enough,
            explanation=f"the smallest segment holds {smallest:.1%} of customers, {_LEAST_SHARE:.0%} is the least",
        ),
    )
    if report.share_moved is not None:
        moved = f"{report.share_moved:.1%} of the customers changed segment since the last fit"
        checks = (*checks, GateCheck(name="moved", passed=True, explanation=moved))
    verdict = "Promoted" if large_enough else "Not promoted"
    return GateReport(
        promote=large_enough,
        reason=f"{verdict}: {(checks[0] if large_enough else checks[1]).explanation}.",
        checks=checks,
    )


def _place(
    context: JobContext, model: ClusterModel, table: FeatureTable, customers: NDArray[np.str_], version: str
) -> None:
    places = model.place(table)
    left_out = context.left_out()
    members = {
        str(customer): model.clusters[place].id
        for customer, place in zip(customers.tolist(), places.tolist(), strict=True)
        if customer not in left_out
    }
    segments = []
    for number, cluster in enumerate(model.clusters):
        rows = table.values[places == number]
        typical = np.nanmedian(rows, axis=0).tolist() if len(rows) else [0.0] * len(table.columns)
        segments.append(
            Segment(
                key=cluster.id,
                name=cluster.name,
                version=version,
                as_of=instant_of(context.history.until_us),
                profile={
                    "median": dict(zip(table.columns, typical, strict=True)),
                    "stands_out": dict(list(model.deviations(cluster.id).items())[:_SHOWN]),
                },
            )
        )
    with context.database.unit(context.scope) as unit:
        before = SegmentStore(unit).members()
        SegmentStore(unit).replace(segments, members)
        announce(unit, CLUSTERS_SCHEME, moves_between(before, members), context.now)
