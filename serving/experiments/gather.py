"""Reads what a report rests on: units, sums of every metric, the primary's breakdowns and the looks that were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from features.experiments.experiment import Kind
from features.experiments.exposures_store import ExposureStore
from features.experiments.measures import Source, counted
from features.experiments.metrics_store import MetricsStore, levels_of
from features.experiments.moments import Moments
from features.experiments.outcomes_store import Run
from features.experiments.store import ExperimentStore
from models.experiments.inference.quantiles import from_order
from models.experiments.plan_document import from_document, to_document
from models.experiments.report import Evidence, Kept, bandit_report, report

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.experiments.experiment import Experiment
    from features.experiments.measures import Counted
    from features.experiments.moments import Cell
    from models.experiments.plan import Plan

BY = ("segment", "plan", "week")
"""Dimensions of a report, all of them known when a unit was exposed; the week shows whether an effect wears off."""


def report_of(unit: Unit, experiment: Experiment, *, now: datetime) -> dict[str, Any]:
    """The report as of now; of a decided experiment as of its decision."""
    plan = from_document(experiment.plan)
    until = experiment.decided_at or now
    seen = evidence(unit, experiment, until=until, by=BY)
    head = _head(experiment, plan, until)
    if experiment.kind is Kind.BANDIT:
        weighted = MetricsStore(unit).weighted(run_of(experiment, plan, until), _metrics(plan)[0])
        shares = [{"at": at.isoformat(), **found} for at, found in ExperimentStore(unit).shares(experiment.id)]
        return {**head, **bandit_report(plan, seen, weighted, shares)}
    return {**head, **report(plan, seen)}


def evidence(unit: Unit, experiment: Experiment, *, until: datetime, by: Sequence[str] = ()) -> Evidence:
    """Everything seen before an instant; the primary metric also by these dimensions."""
    plan = from_document(experiment.plan)
    run, metrics = run_of(experiment, plan, until), _metrics(plan)
    exposures = ExposureStore(unit)
    sums, uncrossed, parts = _sums(MetricsStore(unit), run, metrics, by)
    started = experiment.started_at or until
    tally = exposures.tally(run.experiment)
    return Evidence(
        days=max((until - started).days, 0),
        units=_units(tally) if plan.unit == plan.assigned_by else exposures.counts(run.experiment, of="customer"),
        sums=sums,
        uncrossed=uncrossed,
        crossed=_crossed(tally),
        parts=parts,
        units_by_day=_by_day(tally),
        kept=[
            Kept(day=look.day, units=look.units, facts=look.facts, planned=look.planned)
            for look in ExperimentStore(unit).looks(experiment.id)
            if "look" in look.facts
        ],
        money=frozenset(metric.key for metric in metrics if metric.measure.is_money),
        titles={metric.key: metric.measure.title for metric in metrics},
        clustered=_clustered(plan, metrics),
    )


def _units(tally: Sequence[tuple[str, str, int, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for _, arm, units, _ in tally:
        found[arm] = found.get(arm, 0) + units
    return found


def _crossed(tally: Sequence[tuple[str, str, int, int]]) -> dict[str, int]:
    return _units([(day, arm, crossed, 0) for day, arm, _, crossed in tally if crossed])


def _by_day(tally: Sequence[tuple[str, str, int, int]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for day, arm, units, _ in tally:
        found.setdefault(day, {})[arm] = units
    return found


def run_of(experiment: Experiment, plan: Plan, until: datetime) -> Run:
    """The exposures of an experiment as the store reads them."""
    return Run(
        experiment=experiment.run,
        until=until,
        unit=plan.unit,
        assigned_by=plan.assigned_by,
        currency=plan.currency,
    )


def _metrics(plan: Plan) -> list[Counted]:
    """The plan's metrics as the store counts them, the primary first."""
    document = to_document(plan)
    return [counted(metric) for metric in (document["primary"], *document["secondary"], *document["guardrails"])]


def _sums(
    store: MetricsStore, run: Run, metrics: Sequence[Counted], by: Sequence[str]
) -> tuple[dict[str, Any], Mapping[str, Any], dict[str, Any]]:
    plain = [metric for metric in metrics if metric.quantile is None]
    primary = metrics[0]
    with_parts = [metric for metric in plain if by and _same_rows(metric, primary)]
    rest = [metric for metric in plain if metric not in with_parts]
    cells = store.cells(run, with_parts, by) if with_parts else []
    broken = [cell for cell in cells if cell.metric == primary.key]
    parts = {name: dict(levels_of(broken, number)) for number, name in enumerate(by)} if broken else {}
    cells = [*cells, *store.cells(run, rest)]
    sums: dict[str, Any] = {**_by_arm(cells)}
    for metric in metrics:
        if metric.quantile is not None:
            found = {arm: from_order(order) for arm, order in store.order_statistics(run, metric).items()}
            sums[metric.key] = {arm: made for arm, made in found.items() if made is not None}
    return sums, _by_arm(cell for cell in cells if not cell.is_crossed), parts


def _same_rows(metric: Counted, other: Counted) -> bool:
    one, two = metric.measure.source, other.measure.source
    return one is two and (metric.event, metric.field) == (other.event, other.field)


def _by_arm(cells: Iterable[Cell]) -> dict[str, dict[str, Moments]]:
    found: dict[str, dict[str, Moments]] = {}
    for cell in cells:
        arms = found.setdefault(cell.metric, {})
        arms[cell.arm] = arms.get(cell.arm, Moments()) + cell.moments
    return found


def _clustered(plan: Plan, metrics: Sequence[Counted]) -> frozenset[str]:
    if plan.unit != "member" or plan.assigned_by != "customer":
        return frozenset()
    return frozenset(metric.key for metric in metrics if metric.measure.source is Source.EVENTS)


def _head(experiment: Experiment, plan: Plan, until: datetime) -> dict[str, Any]:
    return {
        "experiment": experiment.key,
        "version": experiment.version,
        "name": experiment.name,
        "hypothesis": experiment.hypothesis,
        "status": experiment.status.value,
        "kind": experiment.kind.value,
        "placement": experiment.placement,
        "plan_digest": experiment.digest,
        "plan": experiment.plan,
        "coverage": experiment.coverage,
        "started_at": _told(experiment.started_at),
        "stopped_at": _told(experiment.stopped_at),
        "as_of": _told(until),
        "why": experiment.why,
        "decision": _decision(experiment),
        "arms": [arm.key for arm in plan.arms],
        "control": plan.control.key,
        "primary": plan.primary.key,
        "unit": plan.unit,
        "design": plan.design.value,
    }


def _decision(experiment: Experiment) -> Mapping[str, Any] | None:
    if experiment.verdict is None:
        return None
    told = {name: experiment.verdict.get(name) for name in ("state", "sentence", "why", "plan")}
    return {**told, "arm": experiment.decided_arm, "by": experiment.decided_by, "at": _told(experiment.decided_at)}


def _told(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
