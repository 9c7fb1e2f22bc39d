"""The recommender: what a customer is likely to take next, judged on the last horizon against what needs no learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.segments.store import SegmentStore
from features.view import Source
from models.recommender.fit import fit_recommender
from models.recommender.interactions import Interactions
from training.context import JobReport
from training.gate import Evidence, Gate, GateCheck, GateReport
from training.release import release

if TYPE_CHECKING:
    from models.recommender.fit import FitReport
    from training.context import JobContext
    from training.history import History

TASK = "recommender"
NOT_LEARNED = frozenset({"popular, all time", "popular, last 30 days", "own frequency"})


def run(context: JobContext) -> JobReport:
    """Fit on everything, with the evidence of the held-out horizon."""
    if context.history.rows(Source.PURCHASES) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: there are no purchases yet.")
    taken = interactions_of(context.history)
    with context.database.view(context.scope) as unit:
        segments = SegmentStore(unit).members()
    snapshot, report = fit_recommender(
        taken,
        as_of_us=context.history.until_us,
        rng=context.rng(TASK),
        segments=segments,
        progress=context.tell,
    )
    value = report.value
    return release(
        context,
        TASK,
        snapshot,
        _gate(report),
        rows=report.rows,
        features=("customer", "item", "at", "basket", "quantity"),
        metrics={report.metric: value} if value else {},
        baselines=report.baselines,
        limits=("Judged on items that were new to the customer; repeats are a matter of habit and told apart.",),
        details=report.to_document(),
    )


def interactions_of(history: History) -> Interactions:
    """The purchases of a history as interactions."""
    read = history.column
    return Interactions.from_columns(
        read(Source.PURCHASES, "customer"),
        read(Source.PURCHASES, "item"),
        read(Source.PURCHASES, "at_us"),
        read(Source.PURCHASES, "basket"),
        read(Source.PURCHASES, "quantity").astype(float),
    )


def _gate(report: FitReport) -> GateReport:
    if report.lead is None:
        said = "there is too little past to hold out, so nothing else could answer better"
        checks = (GateCheck(name="baseline", passed=True, explanation=said),)
        return GateReport(promote=True, reason=f"Promoted: {said}.", checks=checks)
    leads = {name: lead for name, lead in report.leads.items() if name in NOT_LEARNED}
    peers = {name: lead for name, lead in report.leads.items() if name not in NOT_LEARNED}
    return Gate().decide(Evidence(metric=report.metric, leads=leads, peers=peers))
