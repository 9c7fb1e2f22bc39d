"""The months of the table of events on PostgreSQL: making partitions ahead, listing them, and dropping those that hold nothing more.

A partition lives in a schema of its own, to which the application has no right: it reaches events through the table as a whole, whose
policies bind it. Each partition has the policies all the same. These statements run as the owner of the tables, on a connection of their
own, and wait for locks a moment only: what cannot be done now is done by the next run. Nothing is moved between partitions here: where
the partition for the rest holds events of a month already, that month is not made, and said so.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from billing.db.isolation import fence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Engine

    from billing.db.session import Database

SCHEMA = "event_months"
REST = f"{SCHEMA}.events_rest"
MONTHS_AHEAD = 3
_PATIENCE = "SET LOCAL lock_timeout = '2s'"
_LONGER_THAN_ANY = timedelta(days=32)
_LISTED = f"""
SELECT c.relname, pg_total_relation_size(c.oid), greatest(c.reltuples, 0)::bigint
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'events'::regclass AND c.relnamespace = '{SCHEMA}'::regnamespace ORDER BY c.relname
"""  # noqa: S608 (constants)

_THERE = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One of them: the month it holds (None for the rest), its size, and how many events the engine believes to be in it."""

    month: datetime | None
    size_bytes: int
    events_about: int


@dataclass(frozen=True, slots=True)
class Made:
    """Months whose partitions were made, and those that could not be made, with the reason."""

    made: tuple[datetime, ...] = ()
    failed: tuple[tuple[datetime, str], ...] = ()


def months_between(months: Iterable[datetime]) -> list[datetime]:
    """The months given, in UTC and in order, without those outside the years that a partition can be named by."""
    return sorted({month.astimezone(UTC) for month in months if 1900 <= month.year < 9999})


def name_of(month: datetime) -> str:
    """The partition of a month."""
    return f"{SCHEMA}.events_{month.year:04d}_{month.month:02d}"


def partition_statements(month: datetime) -> list[str]:
    """Statements that make the partition of a month: made apart and attached, so that who reads and writes events need not wait."""
    name, end = name_of(month), _next(month)
    return [
        f"CREATE TABLE {name} (LIKE events INCLUDING ALL)",
        f"ALTER TABLE events ATTACH PARTITION {name} FOR VALUES FROM ('{month.isoformat()}') TO ('{end.isoformat()}')",
        *fence([name]),
    ]


def rest_statements() -> list[str]:
    """Statements that make the partition for every month that has none."""
    return [f"CREATE TABLE {REST} PARTITION OF events DEFAULT", *fence([REST])]


def make_partitions(url: str, months: Iterable[datetime]) -> Made:
    """Make the partitions of these months that are missing; nothing on an engine without partitions."""
    wanted = months_between(months)
    if not _has_partitions(url) or not wanted:
        return Made()
    made, failed = [], []
    with _owner(url) as engine:
        with engine.connect() as connection:
            there = _names(connection)
        for month in wanted:
            if name_of(month) in there:
                continue
            try:
                with engine.begin() as connection:
                    connection.exec_driver_sql(_PATIENCE)
                    for statement in partition_statements(month):
                        connection.exec_driver_sql(statement)
            except DBAPIError as error:
                failed.append((month, _reason(error)))
            else:
                made.append(month)
    return Made(tuple(made), tuple(failed))


def make_ahead(database: Database, now: datetime) -> Made:
    """The same for the present month and the next; one look at the catalogue where nothing is missing, as the application."""
    if database.is_sqlite:
        return Made()
    wanted = months_ahead(now)
    with database.engine.connect() as connection:
        there = set(connection.exec_driver_sql(_THERE, (SCHEMA,)).scalars())
    missing = [month for month in wanted if name_of(month).partition(".")[2] not in there]
    return make_partitions(database.url.render_as_string(hide_password=False), missing) if missing else Made()


def months_ahead(now: datetime, ahead: int = MONTHS_AHEAD) -> list[datetime]:
    """The month of an instant and so many after it."""
    months = [now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)]
    for _ in range(ahead):
        months.append(_next(months[-1]))
    return months


def list_partitions(url: str) -> list[Partition]:
    """Every partition by name, the rest last; none on an engine without them."""
    if not _has_partitions(url):
        return []
    with _owner(url) as engine, engine.connect() as connection:
        return [
            Partition(month=_month(name), size_bytes=size, events_about=about)
            for name, size, about in connection.exec_driver_sql(_LISTED)
        ]


def drop_emptied(url: str, month: datetime) -> bool:
    """Give back the space of a month whose events have gone into files: drop its partition, if nobody can see a row in it any more.

    The engine says so: a vacuum takes only rows that no transaction sees, also none that began before they were deleted, and if it leaves
    not a page, there is none. Else the partition stays for the next run. Late events go to the partition for the rest from then on.
    """
    if not _has_partitions(url):
        return False
    name = name_of(month)
    with _owner(url) as engine:
        with engine.connect() as connection:
            if name not in _names(connection):
                return False
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"VACUUM (TRUNCATE) {name}")
        try:
            with engine.begin() as connection:
                connection.exec_driver_sql(_PATIENCE)
                connection.exec_driver_sql(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE")
                if connection.exec_driver_sql(f"SELECT pg_relation_size('{name}')").scalar():
                    return False
                connection.exec_driver_sql(f"DROP TABLE {name}")
        except DBAPIError:
            return False
    return True


def _has_partitions(url: str) -> bool:
    return make_url(url).get_backend_name() == "postgresql"


@contextmanager
def _owner(url: str) -> Iterator[Engine]:
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _names(connection: Connection) -> set[str]:
    return {f"{SCHEMA}.{name}" for name, _, _ in connection.exec_driver_sql(_LISTED)}


def _month(name: str) -> datetime | None:
    _, _, written = name.partition("_")
    return None if written == "rest" else datetime.strptime(written, "%Y_%m").replace(tzinfo=UTC)


def _next(month: datetime) -> datetime:
    return (month + _LONGER_THAN_ANY).replace(day=1)


def _reason(error: DBAPIError) -> str:
    if isinstance(error, IntegrityError):
        return "the partition for the rest holds events of this month; archive them, or move them by hand"
    return str(error.orig).split("\n")[0][:200]
