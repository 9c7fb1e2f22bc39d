"""Scores for everybody that a question is about, by the champion, and the nightly look at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from features.scores.store import Score, ScoreStore
from features.sources import instant_of
from training.history import features_at
from training.watch.look import look

if TYPE_CHECKING:
    from models.tabular.explained import ExplainedScore
    from training.context import JobContext
    from training.pipelines.question import Question


def score_everybody(context: JobContext, question: Question) -> None:
    """Put a new set of scores in the place of the old one, with reasons, and watch whether they still hold."""
    champion = context.registry.champion(context.scope.tenant_id, question.task)
    customers = _known(context, question)
    if champion is None or customers.size == 0:
        return
    context.tell(f"scoring {customers.size} customers")
    moment = context.history.until_us
    model = question.load(champion.folder)
    table = features_at(context.history, model.columns, customers, moment)
    explained = model.explain(table)
    scores = [
        Score(
            customer_id=str(customer),
            version=champion.version,
            as_of=instant_of(moment),
            value=score.probability,
            document=_document(score, question.horizon_days),
        )
        for customer, score in zip(customers.tolist(), explained, strict=True)
    ]
    with context.database.unit(context.scope) as unit:
        ScoreStore(unit).replace(question.task, scores)
    context.tell("watching")
    look(
        context,
        champion,
        customers,
        table,
        np.array([score.probability for score in explained]),
        horizon_days=question.horizon_days,
        allowance_days=question.allowance_days,
        labels_at=question.labels_at,
    )


def _known(context: JobContext, question: Question) -> np.ndarray[tuple[int], np.dtype[np.str_]]:
    """Whom to score: nobody who was erased or opted out of profiling."""
    left_out = np.asarray(sorted(context.left_out()), dtype=np.str_)
    return question.scored[~np.isin(question.scored, left_out)] if left_out.size else question.scored


def _document(score: ExplainedScore, horizon_days: int) -> dict[str, object]:
    return {
        "rung": score.rung,
        "horizon_days": horizon_days,
        "reasons": [
            {"text": reason.text, "direction": reason.direction, "weight": round(reason.weight, 4)}
            for reason in score.reasons
        ],
    }
