"""Upsell propensity: who of the subscribers below the top plan is near an upgrade."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.catalog import PROPENSITY
from features.view import Source
from models.propensity.label import label_upgrade
from models.propensity.model import PropensityModel, fit_propensity
from models.tabular.labels import Window
from training.context import JobReport
from training.pipelines.churn import spells_of
from training.pipelines.first_day import USUAL_UPGRADE, usual_rate
from training.pipelines.question import Question
from training.pipelines.tabular import run_question

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.labels import Labels
    from training.context import JobContext
    from training.history import History

TASK = "propensity"
HORIZON_DAYS = 30
_NO_PLAN = -1


def run(context: JobContext) -> JobReport:
    """Ask who moves to a higher plan within the horizon."""
    history = context.history
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: there are no subscriptions yet.")
    customers, moments, ranks = plan_changes(history)
    top = int(ranks.max())

    def labels_at(moment: int) -> Labels:
        window = Window.after(moment, horizon_days=HORIZON_DAYS)
        return label_upgrade(customers, moments, ranks, top_rank=top, window=window, observed_until_us=history.until_us)

    question = Question(
        task=TASK,
        features=PROPENSITY,
        horizon_days=HORIZON_DAYS,
        allowance_days=0,
        labels_at=labels_at,
        scored=np.asarray(sorted(below_top(history, customers, moments, ranks, top)), dtype=np.str_),
        first_us=int(moments.min()),
        fit=fit_propensity,
        load=PropensityModel.load,
        limits=("Ranks who is near an upgrade; it does not say whom an offer would move.",),
        details={"top_rank": top},
        first_day=lambda: PropensityModel(
            usual_rate(
                spells_of(history),
                history.until_us,
                steps_up(customers, ranks),
                usual=USUAL_UPGRADE,
                columns=("plan_rank",),
            )
        ),
    )
    return run_question(context, question)


def plan_changes(history: History) -> tuple[NDArray[np.str_], NDArray[np.int64], NDArray[np.int64]]:
    """(customer, moment, rank held from then on) of every step; an ended subscription holds none."""
    kinds = history.column(Source.SUBSCRIPTIONS, "kind")
    ranks = np.where(kinds == "ended", _NO_PLAN, history.column(Source.SUBSCRIPTIONS, "plan_rank"))
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), history.column(Source.SUBSCRIPTIONS, "at_us")))
    customers = history.column(Source.SUBSCRIPTIONS, "customer")[order]
    return customers, history.column(Source.SUBSCRIPTIONS, "at_us")[order], ranks[order].astype(np.int64)


def steps_up(customers: NDArray[np.str_], ranks: NDArray[np.int64]) -> int:
    """How many steps led to a higher plan."""
    order = np.argsort(customers, kind="stable")
    same = customers[order][1:] == customers[order][:-1]
    before, after = ranks[order][:-1], ranks[order][1:]
    return int((same & (after > before) & (before > _NO_PLAN)).sum())


def below_top(
    history: History,
    customers: NDArray[np.str_],
    moments: NDArray[np.int64],
    ranks: NDArray[np.int64],
    top: int,
) -> dict[str, int]:
    """Who holds a plan below the top one now, and its rank."""
    spells = spells_of(history)
    running = set(spells.customers[spells.ended_us >= history.until_us].tolist())
    order = np.argsort(moments, kind="stable")
    held = dict(zip(customers[order].tolist(), ranks[order].tolist(), strict=True))
    return {customer: rank for customer, rank in held.items() if customer in running and _NO_PLAN < rank < top}
