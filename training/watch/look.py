"""The nightly look at a champion: what it promised is kept, what came of older promises is looked up, and the verdict is put on record.

An alarm is told to the outside once a month for each version and kind; the record has every look.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from features.sources import instant_of, microseconds
from features.watch.store import Promise, WatchStore
from training.watch.realised import realised
from training.watch.reference import shifts_since
from training.watch.verdict import Looked, Verdict, Watchman

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from numpy.typing import NDArray

    from models.registry.port import ModelVersion
    from models.tabular.labels import Labels
    from models.tabular.table import FeatureTable
    from training.context import JobContext
    from training.history import History

MOST_KEPT = 5_000
KEPT_FOR = timedelta(days=730)
_DAY_US = 86_400_000_000


def look(
    context: JobContext,
    champion: ModelVersion,
    customers: NDArray[np.str_],
    table: FeatureTable,
    probability: NDArray[np.float64],
    *,
    horizon_days: int,
    allowance_days: int,
    labels_at: Callable[[int], Labels],
) -> Verdict | None:
    """Keep tonight's promises, settle those that are due, judge, and put it on record; None for a card without a reference."""
    task, now = champion.task, instant_of(context.history.until_us)
    _settle(context, task, now, labels_at)
    _keep(context, champion, customers, probability, now, timedelta(days=horizon_days + allowance_days), horizon_days)
    if not champion.card.reference:
        return None
    score, shifts = shifts_since(champion.card.reference, table, probability)
    with context.database.view(context.scope) as unit:
        known = WatchStore(unit).judged(task, champion.version)
    quiet, longest = _silence(context.history)
    looked = Looked(
        score=score,
        features=shifts,
        realised=realised(
            np.array([one.outcome for one in known], dtype=np.bool_),
            np.array([one.value for one in known], dtype=np.float64),
            rng=context.rng(f"{task}:watch"),
        )
        if known
        else None,
        label_rates=_label_rates(context, champion, labels_at, horizon_days + allowance_days),
        scored=int(customers.size),
        quiet_days=quiet,
        longest_quiet_days=longest,
    )
    verdict = Watchman().judge(looked)
    _record(context, champion, verdict, now)
    return verdict


def _settle(context: JobContext, task: str, now: datetime, labels_at: Callable[[int], Labels]) -> None:
    with context.database.view(context.scope) as unit:
        due = WatchStore(unit).due(task, now)
    by_moment: dict[datetime, list[Promise]] = {}
    for promise in due:
        by_moment.setdefault(promise.as_of, []).append(promise)
    for as_of, promises in by_moment.items():
        labels = labels_at(microseconds(as_of))
        came = dict(zip(labels.customers.tolist(), labels.label.tolist(), strict=True))
        days = (labels.window.end_us - labels.window.start_us) // _DAY_US
        outcomes = {
            one.customer_id: came.get(one.customer_id) if one.horizon_days == days else None for one in promises
        }
        with context.database.unit(context.scope) as unit:
            WatchStore(unit).settle(task, as_of, outcomes)


def _keep(  # noqa: PLR0917 (what a promise is made of)
    context: JobContext,
    champion: ModelVersion,
    customers: NDArray[np.str_],
    probability: NDArray[np.float64],
    now: datetime,
    matures: timedelta,
    horizon_days: int,
) -> None:
    """A sample of at most `MOST_KEPT` of those of whom no promise is open."""
    with context.database.unit(context.scope) as unit:
        store = WatchStore(unit)
        open_still = store.bound(champion.task, now)
        free = np.array(
            [place for place, one in enumerate(customers.tolist()) if one not in open_still], dtype=np.int64
        )
        room = max(0, MOST_KEPT - len(open_still))
        if free.size > room:
            free = np.sort(context.rng(f"{champion.task}:keep").choice(free, room, replace=False))
        store.keep(
            champion.task,
            [
                Promise(
                    customer_id=str(customers[place]),
                    version=champion.version,
                    as_of=now,
                    value=float(probability[place]),
                    horizon_days=horizon_days,
                    matures_at=now + matures,
                )
                for place in free.tolist()
            ],
        )
        store.forget_before(now - KEPT_FOR)


def _label_rates(
    context: JobContext, champion: ModelVersion, labels_at: Callable[[int], Labels], days: int
) -> tuple[float, float] | None:
    """The outcome's rate when the model was judged, and over the newest window that has wholly passed."""
    moment = context.history.until_us - days * _DAY_US
    if moment <= context.history.first_us():
        return None
    newest = labels_at(moment)
    then = champion.card.reference.get("label_rate")
    return (float(then), newest.rate) if newest.label.size and then is not None else None


def _silence(history: History) -> tuple[float, float]:
    """Days since the newest row, and the longest pause between two rows in the ninety days before it."""
    moments = np.unique(np.concatenate([history.column(source, "at_us") // _DAY_US for source in history.tables]))
    if not moments.size:
        return 0.0, 0.0
    late = moments[moments >= moments[-1] - 90]
    longest = float(np.diff(late).max()) if late.size > 1 else 0.0
    return history.until_us / _DAY_US - float(moments[-1]), longest


def _record(context: JobContext, champion: ModelVersion, verdict: Verdict, now: datetime) -> None:
    with context.database.unit(context.scope) as unit:
        WatchStore(unit).add(
            champion.task,
            champion.version,
            now,
            verdict.sentence,
            {"kind": verdict.kind, **verdict.document},
            alarm=verdict.alarm,
        )
        if verdict.alarm:
            unit.emit_once(
                "model.alarm",
                f"{champion.task}:{champion.version}:{verdict.kind}:{now:%Y-%m}",
                {
                    "task": champion.task,
                    "version": champion.version,
                    "kind": verdict.kind,
                    "sentence": verdict.sentence,
                },
                now,
            )
