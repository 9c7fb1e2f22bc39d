"""Churn risk: for subscribers where enough contracts have ended to learn from, else for everybody who orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.catalog import CHURN
from features.view import Source
from models.churn.label import Spells, label_contract, label_silence
from models.churn.model import ChurnModel, fit_churn
from models.churn.rhythm import churn_horizon
from models.tabular.labels import NEVER_US, Window
from training.context import JobReport
from training.pipelines.tabular import Question, run_question
from training.split import plan_moments

if TYPE_CHECKING:
    from training.context import JobContext
    from training.history import History

TASK = "churn"
CONTRACT_HORIZON_DAYS = 30
GRACE_DAYS = 14
FEWEST_ENDS = 30
_DAY_US = 86_400_000_000


def run(context: JobContext) -> JobReport:
    """Ask who leaves, by contract or by silence, whichever the history can answer."""
    if context.history.rows(Source.PURCHASES) + context.history.rows(Source.SUBSCRIPTIONS) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: nobody has bought anything yet.")
    return run_question(context, _contract(context.history) or _silence(context.history))


def spells_of(history: History) -> Spells:
    """Each subscription as a spell; `ended_us` is NEVER_US while it runs."""
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), history.column(Source.SUBSCRIPTIONS, "at_us")))
    customers = history.column(Source.SUBSCRIPTIONS, "customer")[order]
    kinds = history.column(Source.SUBSCRIPTIONS, "kind")[order]
    moments = history.column(Source.SUBSCRIPTIONS, "at_us")[order]
    who: list[str] = []
    started: list[int] = []
    ended: list[int] = []
    running: dict[str, int] = {}
    for customer, kind, at in zip(customers.tolist(), kinds.tolist(), moments.tolist(), strict=True):
        if kind == "started":
            running[customer] = len(who)
            who.append(customer)
            started.append(at)
            ended.append(int(NEVER_US))
        elif kind == "ended" and customer in running:
            ended[running.pop(customer)] = at
    return Spells(
        customers=np.asarray(who, dtype=np.str_),
        started_us=np.asarray(started, dtype=np.int64),
        ended_us=np.asarray(ended, dtype=np.int64),
        involuntary=np.zeros(len(who), dtype=np.bool_),
    )


def _contract(history: History) -> Question | None:
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return None
    spells = spells_of(history)
    ends = int((spells.ended_us < history.until_us).sum())
    first = int(spells.started_us.min())
    observed = history.until_us - GRACE_DAYS * _DAY_US
    if ends < FEWEST_ENDS or plan_moments(first, observed, horizon_days=CONTRACT_HORIZON_DAYS) is None:
        return None
    running = spells.ended_us >= history.until_us
    return Question(
        task=TASK,
        features=CHURN,
        horizon_days=CONTRACT_HORIZON_DAYS,
        allowance_days=GRACE_DAYS,
        labels_at=lambda moment: (
            label_contract(
                spells,
                window=Window.after(moment, horizon_days=CONTRACT_HORIZON_DAYS),
                observed_until_us=history.until_us,
                grace_days=GRACE_DAYS,
            ).all
        ),
        scored=np.unique(spells.customers[running]),
        first_us=first,
        fit=fit_churn,
        load=ChurnModel.load,
        limits=(
            f"The chance that a subscription ends within {CONTRACT_HORIZON_DAYS} days and is not resumed within {GRACE_DAYS}.",
        ),
        details={"kind": "contract", "ended_subscriptions": ends},
    )


def _silence(history: History) -> Question:
    customers = history.column(Source.PURCHASES, "customer")
    moments = history.column(Source.PURCHASES, "at_us")
    horizon = churn_horizon(customers, moments)
    first = int(moments.min()) if moments.size else history.until_us
    return Question(
        task=TASK,
        features=CHURN,
        horizon_days=horizon.days,
        allowance_days=0,
        labels_at=lambda moment: label_silence(
            customers,
            moments,
            window=Window.after(moment, horizon_days=horizon.days),
            observed_until_us=history.until_us,
        ),
        scored=np.unique(customers),
        first_us=first,
        fit=fit_churn,
        load=ChurnModel.load,
        limits=(
            f"The chance of no order within {horizon.days} days; {horizon.explanation}.",
            "Learned from one stretch of time: a season that it has not seen shifts the level.",
        ),
        details={"kind": "silence", "horizon": horizon.explanation},
    )
