"""Bundles: what completes a basket, judged by hiding one item of each later basket and finding it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from features.view import Source
from models.bundles.affinity import fit_affinity
from models.bundles.snapshot import BundleSnapshot
from training.bench.baskets import compare_baskets
from training.context import JobReport
from training.gate import Evidence, Gate, GateCheck, GateReport
from training.pipelines.recommender import interactions_of
from training.release import release
from training.sample import sampled

if TYPE_CHECKING:
    from training.bench.baskets import BasketTable
    from training.context import JobContext

TASK = "bundles"
METRIC = "hit rate at 10"
NOT_LEARNED = frozenset({"popular, last 30 days"})
_JUDGED_DAYS = 30
_DAY_US = 86_400_000_000


def run(context: JobContext) -> JobReport:
    """Fit on everything, with the evidence of the last month's baskets."""
    if context.history.rows(Source.PURCHASES) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: there are no purchases yet.")
    history, drawn = sampled(context.history, context.rng(f"{TASK}:sample"))
    taken = interactions_of(history)
    until = context.history.until_us
    cut = until - _JUDGED_DAYS * _DAY_US
    context.tell("judging on the last month's baskets")
    train, test = taken.before(cut).compact(), taken.between(cut, until).compact()
    table = compare_baskets(train, test, as_of_us=cut, rng=context.rng(TASK)) if len(train) and len(test) else None
    context.tell("fitting on everything")
    everything = taken.before(until).compact()
    snapshot = BundleSnapshot.of(fit_affinity(everything, until), everything.items, until)
    rows = table.rows if table else ()
    ours = next((row for row in rows if not row.is_baseline), None)
    return release(
        context,
        TASK,
        snapshot,
        _gate(table),
        rows=len(taken),
        features=("basket", "item"),
        metrics={METRIC: ours.hit_rate} if ours else {},
        baselines={row.name: row.hit_rate for row in rows if row.is_baseline},
        limits=(
            *((drawn,) if drawn else ()),
            "Substitutes are told by behaviour; a catalogue with declared categories would tell them better.",
        ),
        details={"baskets_judged": table.baskets if table else 0},
    )


def _gate(table: BasketTable | None) -> GateReport:
    ours = next((row for row in table.rows if not row.is_baseline), None) if table else None
    if ours is None:
        said = "no later basket holds two known items, so nothing could be judged yet"
        checks = (GateCheck(name="baseline", passed=True, explanation=said),)
        return GateReport(promote=True, reason=f"Promoted: {said}.", checks=checks)
    leads = {name: lead for name, lead in ours.leads.items() if name in NOT_LEARNED}
    peers = {name: lead for name, lead in ours.leads.items() if name not in NOT_LEARNED}
    return Gate().decide(Evidence(metric=METRIC, leads=leads, peers=peers))
