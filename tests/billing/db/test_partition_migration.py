"""The revision that partitions events, on databases that hold some: every row is there afterwards, also when it is taken back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from sqlalchemy import create_engine, text

from billing.db.migrate import _config, upgrade
from billing.db.partitions import list_partitions
from billing.db.scope import Scope
from billing.db.session import Database
from billing.kernel.period import Period
from billing.metering.amend import amend
from billing.metering.archive_store import ArchiveStore
from billing.metering.ingest import ingest
from billing.metering.put_away import archive_month
from billing.metering.store import EventStore
from tests.shop import START, delivery

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

BEFORE, AFTER = "0013", "0014"
NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
COLUMNS = (
    "tenant_id, source, event_id, type, customer_id, at, received_at, data, amends, first_id, amended_by, archived_at"
)
OWNER = "uptier_plain_owner"
_FILL = (
    "INSERT INTO tenants (id, name, currency, zone, mode, created_at) VALUES (:tenant, 'T', 'EUR', 'UTC', 'test', :at)",
    (
        "INSERT INTO customers (tenant_id, id, key, name, email, country, zone, consents, created_at)"
        " VALUES (:tenant, 'c', 'ann', '', '', '', 'UTC', '[]', :at)"
    ),
)
_EVENT = (
    f"INSERT INTO events ({COLUMNS}) VALUES (:tenant, 'api', :id, 'delivery', 'c', :at, :at, :data, :a, :f, :b, :x)"  # noqa: S608 (constants)
)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the revision before, on each engine, with events of two tenants over four months."""
    found = (
        f"sqlite:///{tmp_path / 'uptier.db'}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    upgrade(found, BEFORE)
    _on(found, _fill)
    return str(found)


def _fill(connection: Connection) -> None:
    for tenant in ("ten_a", "ten_b"):
        for statement in _FILL:
            connection.execute(text(statement), {"tenant": tenant, "at": _written(connection, START)})
        for number in range(60):
            at = _written(connection, NOVEMBER + timedelta(days=2 * number, microseconds=number))
            row = {"tenant": tenant, "id": f"e{number}", "at": at, "data": f'{{"kg": {number}}}'}
            amended = {"a": None, "f": None, "b": "e2" if number == 1 else None, "x": at if number == 1 else None}
            connection.execute(text(_EVENT), row | amended)


def _written(connection: Connection, at: datetime) -> Any:
    return at if connection.dialect.name == "postgresql" else at.strftime("%Y-%m-%d %H:%M:%S.%f")


def _on(url: str, act: Any) -> Any:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = act(connection)
        connection.commit()
    engine.dispose()
    return found


def _events(url: str) -> list[Any]:
    query = text(f"SELECT {COLUMNS} FROM events ORDER BY tenant_id, source, event_id")  # noqa: S608 (constants)
    return [tuple(row) for row in _on(url, lambda connection: connection.execute(query).all())]


def _down(url: str) -> None:
    _on(url, lambda connection: command.downgrade(_config(connection), BEFORE))


def test_every_event_is_kept_forward_and_back(url: str) -> None:
    """With its identity; one partition for each month that has events."""
    before = _events(url)
    assert upgrade(url, AFTER) == AFTER
    assert _events(url) == before
    keys = "SELECT tenant_id, source, event_id, at FROM event_keys ORDER BY tenant_id, source, event_id"
    found = [tuple(row) for row in _on(url, lambda connection: connection.execute(text(keys)).all())]
    assert found == [(*row[:3], row[5]) for row in before]
    if not url.startswith("sqlite"):
        months = [each.month for each in list_partitions(url)]
        assert [month and month.month for month in months] == [11, 12, 1, 2, None]
        assert (
            _on(
                url,
                lambda connection: connection.execute(text("SELECT count(*) FROM event_months.events_rest")).scalar(),
            )
            == 0
        )

    _down(url)
    assert _events(url) == before
    upgrade(url, AFTER)
    assert _events(url) == before


def test_usage_goes_on(url: str) -> None:
    """What came before is counted, known, and amended; what it was amended by before stays."""
    upgrade(url)
    database = Database(url)
    with database.unit(Scope("ten_a")) as unit:
        store, span = EventStore(unit), Period(NOVEMBER, NOVEMBER + timedelta(days=365))
        assert store.counts("delivery", span) == {"c": 59}
        known = store.find("api", "e1")
        assert known is not None
        assert known.amended_by == "e2"
        amend(unit, "api", "e3", {"id": "e3b"}, now=START + timedelta(days=365))
        assert store.counts("delivery", span) == {"c": 58}
        assert ArchiveStore(unit).counts() == (61, 61)
    database.close()


def test_what_lies_in_files_must_come_back_before_the_revision_is_taken_back(url: str, tmp_path: Path) -> None:
    """The older tables do not know of files; the error says what to do, and nothing has changed."""
    upgrade(url)
    database = Database(url)
    archive_month(database, Scope("ten_b"), tmp_path, NOVEMBER, now=START)
    database.close()

    with pytest.raises(RuntimeError, match="uptier db restore"):
        _down(url)
    assert len(_events(url)) == 120 - 15


@pytest.mark.servers
def test_an_owner_who_is_bound_by_the_policies_moves_every_row_too(postgres_url: str) -> None:
    """Row security is forced on the owner: a revision that forgot would have copied nothing and dropped the rest."""
    upgrade(postgres_url, BEFORE)
    _on(postgres_url, _fill)
    before = _events(postgres_url)
    _on(postgres_url, _hand_over)
    plain = f"{postgres_url}{'&' if '?' in postgres_url else '?'}options=-crole%3D{OWNER}"
    try:
        upgrade(plain, AFTER)
        assert _events(plain) == []  # bound indeed
        assert _events(postgres_url) == before
        _down(plain)
        assert _events(postgres_url) == before
    finally:
        _on(postgres_url, lambda connection: connection.execute(text(f"DROP OWNED BY {OWNER} CASCADE")))
        _on(postgres_url, lambda connection: connection.execute(text(f"DROP ROLE {OWNER}")))


def _hand_over(connection: Connection) -> None:
    name = connection.execute(text("SELECT current_database()")).scalar()
    connection.execute(text(f"CREATE ROLE {OWNER} NOLOGIN"))
    connection.execute(text(f'GRANT CREATE ON DATABASE "{name}" TO {OWNER}'))
    connection.execute(text(f"GRANT USAGE, CREATE ON SCHEMA public TO {OWNER}"))
    for (table,) in connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all():
        connection.execute(text(f"ALTER TABLE {table} OWNER TO {OWNER}"))


def test_a_repeated_event_is_known_after_the_revision(url: str) -> None:
    """Identities from before are taken."""
    upgrade(url)
    database = Database(url)
    with database.unit(Scope("ten_a")) as unit:
        document = {**delivery("ann", "e5", START), "source": "api"}
        assert ingest(unit, [document], now=START).duplicates == 1
    database.close()
