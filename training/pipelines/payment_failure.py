"""Whose subscription will a failed payment end: a question apart from churn, since a reminder or another card saves it, not a discount."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from features.catalog import CHURN
from features.view import Source
from models.churn.label import label_contract
from models.churn.model import ChurnModel, fit_churn
from models.tabular.labels import Window
from models.tabular.tenure_table import fit_tenure_table
from training.context import JobReport
from training.pipelines.churn import GRACE_DAYS, spells_of
from training.pipelines.first_day import USUAL_PAYMENT_FAILURE, usual_rate
from training.pipelines.question import Question
from training.pipelines.tabular import run_question

if TYPE_CHECKING:
    from training.context import JobContext

TASK = "payment_failure"
HORIZON_DAYS = 30


def run(context: JobContext) -> JobReport:
    """Ask whom a failed payment ends within the horizon; a usual rate answers until it has happened often enough to learn from."""
    history = context.history
    if history.rows(Source.SUBSCRIPTIONS) == 0:
        return JobReport(task=TASK, version=None, promoted=False, reason="Not trained: there are no subscriptions yet.")
    spells = spells_of(history)
    unpaid = int(spells.involuntary.sum())
    question = Question(
        task=TASK,
        features=CHURN,
        horizon_days=HORIZON_DAYS,
        allowance_days=GRACE_DAYS,
        labels_at=lambda moment: (
            label_contract(
                spells,
                window=Window.after(moment, horizon_days=HORIZON_DAYS),
                observed_until_us=history.until_us,
                grace_days=GRACE_DAYS,
            ).unpaid
        ),
        scored=np.unique(spells.customers[spells.ended_us >= history.until_us]),
        first_us=int(spells.started_us.min()),
        fit=partial(fit_churn, closed_form=fit_tenure_table),
        load=ChurnModel.load,
        limits=(
            f"The chance that a failed payment ends the subscription within {HORIZON_DAYS} days, among who does not leave by choice.",
        ),
        details={"kind": "payment failure", "unpaid_ends": unpaid},
        label_spec="ended by a failed payment",
        first_day=lambda: ChurnModel(
            usual_rate(spells, history.until_us, unpaid, usual=USUAL_PAYMENT_FAILURE, columns=("tenure_days",))
        ),
    )
    return run_question(context, question)
