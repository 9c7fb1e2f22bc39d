"""What segments are made of: the facts that rules ask for, and everybody's visits, of one customer now or of all in bulk.

In bulk the features come from the engine and for one from the fold; both are one meaning. Nobody who was erased is observed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from billing.customers.store import CustomerStore
from billing.subscriptions.store import SubscriptionStore
from features.catalog import views_named
from features.contact.consent import OPTED_OUT
from features.online import features_of
from features.scores.store import ScoreStore
from features.segments.life_cycle import typical_gap_of
from features.segments.rules.judge import Facts
from features.segments.rules.tree import SCHEMES
from features.segments.standing.store import StandingStore
from features.segments.store import SegmentStore
from features.sources import microseconds
from features.view import DAY_US, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from pyarrow import Table

    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from features.scores.store import Score

CLUSTERS, LIFE_CYCLE, RFM = SCHEMES
Values = dict[str, dict[str, int | float]]


@dataclass(frozen=True, slots=True)
class Visits:
    """Each customer's different days of visits in order (whole days since 1970), and the shop's typical gap between them."""

    days: Mapping[str, list[int]]
    typical_gap: float


def facts_of(unit: Unit, customer: Customer, names: Sequence[str], now: datetime) -> Facts:
    """What is known of one customer as of now; `names` are the feature views that are asked for. Who opted out has no profile."""
    if not is_watched(customer):
        names = ()
    values = features_of(unit, customer.id, now=now, views=views_named(names)) if names else {}
    scores, segments = _guesses(unit, customer.id) if is_watched(customer) else ({}, {})
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    return Facts(
        features=values,
        scores=scores,
        segments=segments,
        plans=frozenset({running.plan_key} if running else ()),
        consents=frozenset(customer.consents),
        country=customer.country,
    )


def is_watched(customer: Customer) -> bool:
    """Whether a customer may be profiled: of others rules see what was agreed and bought, and nothing that was guessed or watched."""
    return OPTED_OUT not in customer.consents


def facts_of_all(
    unit: Unit, customers: Mapping[str, Customer], values: Values, tasks: Iterable[str] = ()
) -> dict[str, Facts]:
    """The same for many by id, whose features (`values_of_all`) are given; scores of the named tasks."""
    scores = {task: ScoreStore(unit).of_task(task) for task in tasks}
    segments = _segments(unit)
    running = SubscriptionStore(unit).running_of(customers)
    return {
        key: Facts(
            features=values.get(key, {}) if is_watched(customer) else {},
            scores=_scores_of(key, scores) if is_watched(customer) else {},
            segments={scheme: found[key] for scheme, found in segments.items() if key in found}
            if is_watched(customer)
            else {},
            plans=frozenset({running[key].plan_key} if key in running else ()),
            consents=frozenset(customer.consents),
            country=customer.country,
        )
        for key, customer in customers.items()
    }


def everybody(unit: Unit, *, without: frozenset[str] = frozenset()) -> dict[str, Customer]:
    """Every customer by id, but those `without`."""
    store, cursor = CustomerStore(unit), None
    found: dict[str, Customer] = {}
    while True:
        page = store.page(limit=1000, cursor=cursor)
        found.update((customer.id, customer) for customer in page.items if customer.id not in without)
        cursor = page.next_cursor
        if cursor is None:
            return found


def tables_of(unit: Unit, now: datetime) -> dict[Source, Table]:
    """Every source before now."""
    from features.bulk import tables_before  # noqa: PLC0415 (heavy; servers that evaluate nothing in bulk do without)

    return tables_before(unit, now)


def values_of_all(
    tables: Mapping[Source, Table], names: Sequence[str], customers: Sequence[str], as_of_us: int
) -> Values:
    """The named features of many customers as of one moment, by customer id."""
    import pyarrow as pa  # noqa: PLC0415 (heavy; servers that evaluate nothing in bulk do without)

    from features.duckdb_engine import DuckDBEngine  # noqa: PLC0415 (same)

    if not names or not customers:
        return {}
    asof = pa.table(
        {
            "customer": pa.array(list(customers), pa.string()),
            "as_of_us": pa.array(np.full(len(customers), as_of_us, dtype=np.int64)),
        }
    )
    found = DuckDBEngine().compute(views_named(names), tables, asof)
    columns = [found.column(name).to_pylist() for name in names]
    return {
        customer: dict(zip(names, row, strict=True))
        for customer, row in zip(customers, zip(*columns, strict=True), strict=True)
    }


def visits_of_all(tables: Mapping[Source, Table], now: datetime) -> Visits:
    """Everybody's days with an order before now, or of use for who never ordered; what was learned of later is left out."""
    as_of_us = microseconds(now)
    days = _days(tables[Source.USAGE], as_of_us)
    days.update(_days(tables[Source.PURCHASES], as_of_us))
    return Visits(days, typical_gap_of(days.values()))


def _days(table: Table, as_of_us: int) -> dict[str, list[int]]:
    at, received = (table.column(name).to_numpy() for name in ("at_us", "received_us"))
    known = (at < as_of_us) & (received <= as_of_us)
    who = table.column("customer").combine_chunks().dictionary_encode()
    names, codes = who.dictionary.to_pylist(), who.indices.to_numpy()
    if not known.any():
        return {}
    days, kept = at[known] // DAY_US, codes[known].astype(np.int64)
    first, span = int(days.min()), int(days.max() - days.min()) + 1
    pairs = np.unique(kept * span + (days - first))  # customer and day in one integer, in order of both
    customers, starts = np.unique(pairs // span, return_index=True)
    parts = np.split(pairs % span + first, starts[1:])
    return {names[code]: part.tolist() for code, part in zip(customers.tolist(), parts, strict=True)}


def _guesses(unit: Unit, customer_id: str) -> tuple[dict[str, float], dict[str, frozenset[str]]]:
    """A customer's scores by task, and the names they go by in each scheme."""
    scores = {task: score.value for task, score in ScoreStore(unit).of_customer(customer_id).items()}
    found = SegmentStore(unit).of_customer(customer_id)
    segments = {} if found is None else {CLUSTERS: frozenset({found.key, found.name})}
    for scheme, standing in StandingStore(unit).of_customer(customer_id).items():
        segments[scheme] = frozenset({standing.segment})
    return scores, segments


def _segments(unit: Unit) -> dict[str, dict[str, frozenset[str]]]:
    store = SegmentStore(unit)
    names = {segment.key: segment.name for segment in store.all()}
    found = {CLUSTERS: {who: frozenset({key, names[key]}) for who, key in store.members().items()}}
    for scheme in (LIFE_CYCLE, RFM):
        standings = StandingStore(unit).of_scheme(scheme)
        found[scheme] = {who: frozenset({standing.segment}) for who, standing in standings.items()}
    return found


def _scores_of(customer: str, scores: Mapping[str, Mapping[str, Score]]) -> dict[str, float]:
    return {task: found[customer].value for task, found in scores.items() if customer in found}
