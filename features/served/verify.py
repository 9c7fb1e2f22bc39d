"""Computing a sample of served vectors again, as of when they were served, the way training does; a difference of one bit is a failure.

The vectors were folded from one customer's rows online; here they come from the bulk engine over the rows as they are stored now. So a
difference is a fault of one of the two, or rows of the past that were changed, or told late without saying so: all of them would teach a
model something else than it is asked later. Vectors of other definitions than today's (another spec hash) are passed over, and a vector
is excused that was right without the rows that became known in the seconds before it: those were being stored while it was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import ConflictError, NotFoundError
from features.catalog import views_named
from features.fold_engine import compute_one
from features.served.store import ServedStore
from features.served.vector import differences, spread
from features.sources import COLUMNS, microseconds, rows_before, rows_of_customer
from features.view import Source, spec_hash

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import pyarrow as pa

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from features.served.store import Check
    from features.served.vector import Difference, Number, Served
    from features.view import View

EVERY: Final = timedelta(days=1)
KEPT_FOR: Final = timedelta(days=30)
SAMPLE: Final = 200
IN_FLIGHT_US: Final = 10_000_000  # longer than a batch of events waits to be committed


class ServedDifferError(ConflictError):
    """A served vector is not what its definitions give as of then."""

    code = "served_features_differ"


@dataclass(frozen=True, slots=True)
class _Found:
    compared: int
    differing: int
    differences: list[Difference]


def verify_served(database: Database, scope: Scope, *, now: datetime, sample: int = SAMPLE) -> Check:
    """Check vectors served since the last check (of the last day at least), and keep the result; old vectors are forgotten."""
    with database.view(scope) as unit:
        last = ServedStore(unit).checks(1)
        since = min(last[0].checked_at, now - EVERY) if last else now - KEPT_FOR
        store = ServedStore(unit)
        found = _compare(unit, store.read(spread(store.ids_since(since), sample)))
    with database.unit(scope) as unit:
        check = ServedStore(unit).add_check(now, found.compared, found.differing, found.differences)
        ServedStore(unit).sweep(now - KEPT_FOR)
        if found.differing:
            told = {"check": check.id, "sampled": check.sampled, "differing": check.differing}
            unit.emit("features.differ", check.id, told, now)
    return check


def is_due(unit: Unit, now: datetime) -> bool:
    """Whether a day has passed since the last check and something was served since."""
    last = ServedStore(unit).checks(1)
    if last and last[0].checked_at + EVERY > now:
        return False
    return bool(ServedStore(unit).ids_since(last[0].checked_at if last else now - KEPT_FOR))


def require_same(check: Check) -> None:
    """Raise ServedDifferError when a check found a difference."""
    if check.differing:
        first = check.details[0]
        raise ServedDifferError(
            f"{check.differing} of {check.sampled} served vectors differ from what is computed now as of then; "
            f"{first['name']} was {first['served']} and is {first['now']}",
            check=check.id,
            differing=check.differing,
        )


def _compare(unit: Unit, sample: Sequence[Served]) -> _Found:
    groups: dict[tuple[str, ...], list[Served]] = {}
    for served in sample:
        if _is_today_s(served):
            groups.setdefault(served.names, []).append(served)
    found: list[Difference] = []
    differing = 0
    for names, vectors in groups.items():
        for served, values in zip(vectors, _again(unit, views_named(names), vectors), strict=True):
            off = differences(served, values)
            if off and not differences(served, _without_rows_in_flight(unit, served)):
                continue
            differing += bool(off)
            found += off
    return _Found(sum(len(vectors) for vectors in groups.values()), differing, found)


def _is_today_s(served: Served) -> bool:
    try:
        return spec_hash(views_named(served.names)) == served.spec_hash
    except NotFoundError:
        return False


def _again(unit: Unit, views: Sequence[View], vectors: Sequence[Served]) -> list[dict[str, Number]]:
    """The values of each vector's views, by the bulk engine over all rows that are stored of these customers."""
    import pyarrow as pa  # noqa: PLC0415 (heavy; only where vectors are checked)

    from features.duckdb_engine import DuckDBEngine  # noqa: PLC0415 (same)

    asof = pa.table(
        {
            "customer": pa.array([served.customer_id for served in vectors], pa.string()),
            "as_of_us": pa.array([microseconds(served.as_of) for served in vectors], pa.int64()),
        }
    )
    until = max(served.as_of for served in vectors)
    customers = sorted({served.customer_id for served in vectors})
    tables = {source: _table(unit, source, until, customers) for source in Source}
    rows = DuckDBEngine().compute(views, tables, asof).to_pylist()
    return [{view.name: row[view.name] for view in views} for row in rows]


def _without_rows_in_flight(unit: Unit, served: Served) -> dict[str, Number]:
    """The values from the rows that were surely stored when the vector was made."""
    as_of_us = microseconds(served.as_of)
    rows = {
        source: [row for row in found if row["received_us"] < as_of_us - IN_FLIGHT_US]
        for source, found in rows_of_customer(unit, served.customer_id, served.as_of).items()
    }
    return compute_one(views_named(served.names), rows, served.customer_id, as_of_us)


def _table(unit: Unit, source: Source, until: datetime, customers: Sequence[str]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415 (as above)

    from features.source_tables import source_schema  # noqa: PLC0415 (as above)

    rows = [
        dict(zip(COLUMNS[source], row, strict=True))
        for customer in customers
        for row in rows_before(unit, source, until, customer)
    ]
    return pa.Table.from_pylist(rows, schema=source_schema(source))
