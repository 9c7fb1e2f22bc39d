"""The recommender: what a customer is likely to take next, judged on the last horizon against what needs no learning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from billing.catalog.products.store import ProductStore
from features.segments.store import SegmentStore
from features.view import Source
from models.recommender.fit import fit_recommender
from models.recommender.interactions import Interactions
from training.context import JobReport
from training.gate import Evidence, Gate, GateCheck, GateReport
from training.release import release
from training.sample import sampled

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
    history, drawn = sampled(context.history, context.rng(f"{TASK}:sample"))
    taken = interactions_of(history)
    with context.database.view(context.scope) as unit:
        segments = SegmentStore(unit).members()
        names = {key: product.name for key, product in ProductStore(unit).all().items()}
    snapshot, report = fit_recommender(
        taken,
        as_of_us=context.history.until_us,
        rng=context.rng(TASK),
        segments=segments,
        item_names=names,
        progress=context.tell,
    )
    value = report.value
    return release(
        context,
        TASK,
        snapshot,
        _gate(report),
        rows=report.rows,
        features=("customer", "item", "at", "basket", "quantity", "amount_minor"),
        metrics={report.metric: value} if value else {},
        baselines=report.baselines,
        limits=(
            *((drawn,) if drawn else ()),
            f"{report.why[:1].upper()}{report.why[1:]}.",
            "Judged on items that were new to the customer; repeats are a matter of habit and told apart.",
        ),
        details=report.to_document(),
    )


def interactions_of(history: History) -> Interactions:
    """The purchases of a history as interactions."""
    read = history.column
    quantity = read(Source.PURCHASES, "quantity").astype(float)
    amount = read(Source.PURCHASES, "amount_minor").astype(float)
    return Interactions.from_columns(
        read(Source.PURCHASES, "customer"),
        read(Source.PURCHASES, "item"),
        read(Source.PURCHASES, "at_us"),
        read(Source.PURCHASES, "basket"),
        quantity,
        np.where(quantity > 0, amount / np.maximum(quantity, 1.0), np.nan),
    )


def _gate(report: FitReport) -> GateReport:
    if report.lead is None:
        said = "there is too little past to hold out, so nothing else could answer better"
        checks = (GateCheck(name="baseline", passed=True, explanation=said),)
        return GateReport(promote=True, reason=f"Promoted: {said}.", checks=checks)
    leads = {name: lead for name, lead in report.leads.items() if name in NOT_LEARNED}
    peers = {name: lead for name, lead in report.leads.items() if name not in NOT_LEARNED}
    return Gate().decide(Evidence(metric=report.metric, leads=leads, peers=peers))
