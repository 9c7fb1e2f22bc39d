"""The labelled rows of a question at its moments, and the key of the snapshot that they become."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from features.catalog import views_named
from features.view import spec_hash
from models.tabular.table import Examples, FeatureTable
from training.dataset import Snapshot, SnapshotKey, describe_rows
from training.history import features_at

if TYPE_CHECKING:
    from training.context import JobContext
    from training.history import History
    from training.pipelines.question import Question
    from training.split import Moments

MOST_CUSTOMERS = 20_000
LABEL_VERSION = 1


def key_of(context: JobContext, question: Question) -> SnapshotKey:
    """What the snapshot is of. A seed counts only where it draws a sample, but is always part of the label's words."""
    words = f"{LABEL_VERSION}:{question.task}:{question.label_spec or question.details.get('kind', '')}:{context.seed}"
    return SnapshotKey(
        tenant=context.scope.tenant_id,
        task=question.task,
        as_of_us=context.history.until_us,
        horizon_days=question.horizon_days,
        allowance_days=question.allowance_days,
        feature_spec_hash=spec_hash(views_named(question.features)),
        label_spec_hash=hashlib.sha256(words.encode()).hexdigest(),
        source_hash=context.history.content_hash(),
    )


def rows_at(context: JobContext, question: Question, moments: Moments, key: SnapshotKey) -> Snapshot:
    """Features and labels at every moment, of everybody or of `MOST_CUSTOMERS` drawn anew for each, without anybody erased."""
    tables, labels, customers, as_of = [], [], [], []
    erased = np.asarray(sorted(context.erased), dtype=np.str_)
    for number, moment in enumerate(moments.all_us):
        context.tell(f"features at moment {number + 1} of {len(moments.all_us)}")
        found = question.labels_at(moment)
        places = np.flatnonzero(~np.isin(found.customers, erased)) if erased.size else np.arange(found.customers.size)
        if places.size > MOST_CUSTOMERS:
            drawn = context.rng(f"{question.task}:rows:{number}").choice(places, MOST_CUSTOMERS, replace=False)
            places = np.sort(drawn)
        who = found.customers[places]
        tables.append(features_at(context.history, question.features, who, moment).values)
        labels.append(found.label[places])
        customers.append(who.astype(np.str_))
        as_of.append(np.full(places.size, moment, dtype=np.int64))
    table = FeatureTable(question.features, np.concatenate(tables))
    examples = Examples(table, np.concatenate(labels), np.concatenate(customers))
    event_us, received_us = _bounds(context.history, "at_us"), _bounds(context.history, "received_us")
    return describe_rows(key, examples, np.concatenate(as_of), event_us=event_us, received_us=received_us)


def _bounds(history: History, name: str) -> tuple[int, int]:
    """The least and greatest moment over all sources; the run's own moment twice when there is nothing."""
    found = [pc.min_max(table.column(name)).as_py() for table in history.tables.values() if table.num_rows]
    if not found:
        return history.until_us, history.until_us
    return min(one["min"] for one in found), max(one["max"] for one in found)
