"""Churn risk: for subscribers where enough contracts have ended to learn from, else for everybody who orders.

With a contract the target is leaving by choice; whom a failed payment ends is another question (`payment_failure.py`), with other remedies.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from features.catalog import CHURN
from features.view import Source
from models.churn.label import Spells, label_contract, label_silence
from models.churn.model import ChurnModel, fit_churn
from models.churn.rhythm import churn_horizon
from models.tabular.labels import NEVER_US, Window
from models.tabular.silence import fit_silence
from models.tabular.tenure_table import fit_tenure_table
from training.context import JobReport
from training.pipelines.first_day import USUAL_CHURN, rhythm_of_orders, usual_rate
from training.pipelines.question import Question
from training.pipelines.tabular import run_question
from training.split import plan_moments

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.tabular.labels import Labels
    from models.tabular.model import TabularModel
    from training.context import JobContext
    from training.history import History

TASK = "churn"
CONTRACT_HORIZON_DAYS = 30
GRACE_DAYS = 14
FEWEST_ENDS = 30
PAYMENT = "payment"
YEAR_DAYS = 364
"""A year in whole weeks, so that weekdays fall on weekdays."""
HISTORY_DAYS = 30
_DAY_US = 86_400_000_000


def run(context: JobContext) -> JobReport:
    """Ask who leaves, by contract or by silence, whichever the history can answer."""
    if context.history.rows(Source.PURCHASES) + context.history.rows(Source.SUBSCRIPTIONS) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: nobody has bought anything yet.")
    return run_question(context, _contract(context.history) or _silence(context.history))


def spells_of(history: History) -> Spells:
    """Each subscription as a spell; `ended_us` is NEVER_US while it runs, `involuntary` says that a failed payment ended it."""
    order = np.lexsort((history.column(Source.SUBSCRIPTIONS, "id"), history.column(Source.SUBSCRIPTIONS, "at_us")))
    customers = history.column(Source.SUBSCRIPTIONS, "customer")[order]
    kinds = history.column(Source.SUBSCRIPTIONS, "kind")[order]
    moments = history.column(Source.SUBSCRIPTIONS, "at_us")[order]
    reasons = history.column(Source.SUBSCRIPTIONS, "reason")[order]
    who: list[str] = []
    started: list[int] = []
    ended: list[int] = []
    unpaid: list[bool] = []
    running: dict[str, int] = {}
    columns = (customers.tolist(), kinds.tolist(), moments.tolist(), reasons.tolist())
    for customer, kind, at, reason in zip(*columns, strict=True):
        if kind == "started":
            running[customer] = len(who)
            who.append(customer)
            started.append(at)
            ended.append(int(NEVER_US))
            unpaid.append(False)
        elif kind == "ended" and customer in running:
            place = running.pop(customer)
            ended[place], unpaid[place] = at, reason == PAYMENT
    return Spells(
        customers=np.asarray(who, dtype=np.str_),
        started_us=np.asarray(started, dtype=np.int64),
        ended_us=np.asarray(ended, dtype=np.int64),
        involuntary=np.asarray(unpaid, dtype=np.bool_),
    )


def _contract(history: History) -> Question | None:
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return None
    spells = spells_of(history)
    ends = int((spells.ended_us < history.until_us).sum())
    first = int(spells.started_us.min())
    observed = history.until_us - GRACE_DAYS * _DAY_US
    too_early = ends < FEWEST_ENDS or plan_moments(first, observed, horizon_days=CONTRACT_HORIZON_DAYS) is None
    if too_early and history.rows(Source.PURCHASES):
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
            ).voluntary
        ),
        scored=np.unique(spells.customers[running]),
        first_us=first,
        fit=partial(fit_churn, closed_form=fit_tenure_table),
        load=ChurnModel.load,
        limits=(
            f"The chance that a subscriber leaves by choice within {CONTRACT_HORIZON_DAYS} days and is not back within {GRACE_DAYS}.",
            "Ends by a failed payment are another question and no part of this chance.",
        ),
        details={"kind": "contract", "ended_subscriptions": ends, "of_them_unpaid": int(spells.involuntary.sum())},
        label_spec="left by choice",
        first_day=lambda: ChurnModel(
            usual_rate(spells, history.until_us, ends, usual=USUAL_CHURN, columns=("tenure_days",))
        ),
    )


def _silence(history: History) -> Question:
    customers = history.column(Source.PURCHASES, "customer")
    moments = history.column(Source.PURCHASES, "at_us")
    buyers = np.unique(customers)
    horizon = churn_horizon(customers, moments)
    first = int(moments.min()) if moments.size else history.until_us

    def labels_at(moment: int) -> Labels:
        window = Window.after(moment, horizon_days=horizon.days)
        return label_silence(customers, moments, window=window, observed_until_us=history.until_us)

    season, rates = _season(labels_at, first, history.until_us, horizon.days)
    return Question(
        task=TASK,
        features=CHURN,
        horizon_days=horizon.days,
        allowance_days=0,
        labels_at=labels_at,
        scored=buyers,
        first_us=first,
        fit=partial(fit_churn, closed_form=partial(fit_silence, horizon_days=horizon.days)),
        load=ChurnModel.load,
        limits=(
            f"The chance of no order within {horizon.days} days; {horizon.explanation}.",
            season,
        ),
        details={"kind": "silence", "horizon": horizon.explanation, **rates},
        first_day=lambda: _spoken(rhythm_of_orders(history, buyers, horizon_days=horizon.days)),
    )


def _season(
    labels_at: Callable[[int], Labels], first_us: int, until_us: int, horizon_days: int
) -> tuple[str, dict[str, float]]:
    """What the card says of the season: the share that fell silent a year ago to the week beside the last one that can be seen."""
    year_ago, lately = until_us - YEAR_DAYS * _DAY_US, until_us - horizon_days * _DAY_US
    if year_ago < first_us + HISTORY_DAYS * _DAY_US:
        return "Learned from one stretch of time: a season that it has not seen shifts the level.", {}
    then, now = labels_at(year_ago).rate, labels_at(lately).rate
    said = (
        f"A year ago at this season {then:.0%} fell silent, at the last moment that can be judged {now:.0%}: "
        "the level is the latter's, and the season may shift it towards the former."
    )
    return said, {"silent_a_year_ago": round(then, 4), "silent_lately": round(now, 4)}


def _spoken(model: TabularModel | None) -> ChurnModel | None:
    return None if model is None else ChurnModel(model)
