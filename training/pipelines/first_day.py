"""What answers before anything can be learned: a closed form or a usual rate, published with a card that says so.

It stands until a fit passes the gate. A tenant with a fitted champion keeps it; whatever that was fitted on knows more than a usual rate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from models.tabular.calibrate import UNCALIBRATED
from models.tabular.model import TabularModel
from models.tabular.prior import constant_model, prior_rate
from models.tabular.silence import COLUMNS, fit_silence
from models.tabular.table import Examples
from training.context import JobReport
from training.gate import GateReport
from training.history import features_at
from training.release import release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.churn.label import Spells
    from models.tabular.explained import ExplainedModel
    from models.tabular.ladder import LadderReport
    from training.context import JobContext
    from training.history import History

USUAL_CHURN = 0.05
"""Of subscriptions a month: what small subscription shops lose, before a shop's own ends say otherwise."""
USUAL_PAYMENT_FAILURE = 0.01
USUAL_UPGRADE = 0.02
_MONTH_US = 30 * 86_400_000_000


def answer_first_day(
    context: JobContext, task: str, model: ExplainedModel | None, why: str, *, limits: Sequence[str] = ()
) -> JobReport:
    """Publish and promote the model if nothing serves yet; `why` is the end of a sentence: why nothing was learned."""
    champion = context.registry.champion(context.scope.tenant_id, task)
    if model is None or (champion is not None and not champion.card.details.get("first_day")):
        return JobReport(task=task, version=None, promoted=False, reason=f"Not trained: {why}")
    rung = model.model.rung_name
    reason = f"Promoted: nothing can be learned yet ({why.rstrip('.')}), so the {rung} answers until something can."
    return release(
        context,
        task,
        model,
        GateReport(promote=True, reason=reason, checks=()),
        rows=0,
        features=model.columns,
        metrics={},
        baselines={},
        rung=rung,
        limits=(*limits, "No outcome was learned from: this is what usually happens, moved by what little was seen."),
        details={"first_day": True},
    )


def rule_meanwhile(report: LadderReport) -> LadderReport:
    """The report of the best rule, which serves a tenant without a champion while nothing learned surely beats it."""
    why = "the best rule serves until something surely beats it"
    return replace(report, chosen=report.floor.rung_name, number=0, why=why)


def rhythm_of_orders(history: History, customers: NDArray[np.str_], *, horizon_days: int) -> TabularModel | None:
    """Rung 1 for who orders without a contract; None while there is nobody."""
    if not customers.size:
        return None
    table = features_at(history, COLUMNS, customers, history.until_us)
    rung = fit_silence(Examples(table, np.zeros(customers.size, dtype=np.bool_), customers), horizon_days=horizon_days)
    return None if rung is None else TabularModel(columns=COLUMNS, rung=rung, calibrator=UNCALIBRATED)


def usual_rate(spells: Spells, until_us: int, cases: int, *, usual: float, columns: tuple[str, ...]) -> TabularModel:
    """Rung 0 for subscribers: the usual rate a month, moved by the cases in the months that the subscriptions have been seen for."""
    stayed_us = np.maximum(np.minimum(spells.ended_us, until_us) - spells.started_us, 0)
    return constant_model(prior_rate(cases, float(stayed_us.sum()) / _MONTH_US, usual=usual), columns)
