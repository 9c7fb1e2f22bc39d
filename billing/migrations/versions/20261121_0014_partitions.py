"""Events in one partition a month on PostgreSQL, their identities in a table of their own, and the files that events are archived in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate
from billing.db.partitions import SCHEMA, months_between, partition_statements, rest_statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_COLUMNS = (
    "tenant_id, source, event_id, type, customer_id, at, received_at, data, amends, first_id, amended_by, archived_at"
)
_KEYS = (
    "INSERT INTO event_keys (tenant_id, source, event_id, at) SELECT tenant_id, source, event_id, at FROM events_before"
)
_MOVE = f"INSERT INTO events ({_COLUMNS}) SELECT {_COLUMNS} FROM events_before"  # noqa: S608 (constants)
_MONTHS = "SELECT DISTINCT date_trunc('month', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' FROM events_before"


def _is_postgres() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "event_keys",
        _required("tenant_id", ID),
        _required("source", KEY),
        _required("event_id", KEY),
        _required("at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "source", "event_id", name=op.f("pk_event_keys")),
        _tenant("event_keys"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "event_archives",
        _required("tenant_id", ID),
        _required("month", Instant()),
        _required("part", sa.BigInteger()),
        _required("path", sa.String(length=1000)),
        _required("sha256", sa.String(length=64)),
        _required("bytes", sa.BigInteger()),
        _required("rows", sa.BigInteger()),
        _required("first_at", Instant()),
        _required("last_at", Instant()),
        _required("known_until", Instant()),
        _required("archived_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "month", "part", name=op.f("pk_event_archives")),
        _tenant("event_archives"),
    )
    _put_aside()
    _create_events(("at", "source", "event_id"), partition_by="RANGE (at)")
    if _is_postgres():
        op.execute(f"CREATE SCHEMA {SCHEMA}")
        for statement in rest_statements():
            op.execute(statement)
        for month in months_between(found for (found,) in op.get_bind().exec_driver_sql(_MONTHS)):
            for statement in partition_statements(month):
                op.execute(statement)
    op.execute(_KEYS)
    op.execute(_MOVE)
    op.drop_table("events_before")
    _index_events()
    if _is_postgres():
        for statement in isolate(("events", "event_keys", "event_archives"), append_only=("event_keys",)):
            op.execute(statement)


def downgrade() -> None:
    if _is_postgres():
        op.execute("ALTER TABLE event_archives NO FORCE ROW LEVEL SECURITY")
    if op.get_bind().exec_driver_sql("SELECT count(*) FROM event_archives").scalar():
        raise RuntimeError(
            "events are archived in files, which the older tables do not know: 'uptier db restore' them first"
        )
    _put_aside()
    _create_events(("source", "event_id"), _tenant("events"))
    op.execute(_MOVE)
    op.drop_table("events_before")
    _index_events()
    op.create_index("ix_events_at", "events", ["tenant_id", "at"], unique=False)
    op.drop_table("event_archives")
    op.drop_table("event_keys")
    if _is_postgres():
        op.execute(f"DROP SCHEMA {SCHEMA}")
        for statement in isolate(("events",)):
            op.execute(statement)


def _put_aside() -> None:
    """The table as it was, under another name, its rows open to the owner and its names free."""
    if not _is_postgres():
        for (name,) in (
            op.get_bind()
            .exec_driver_sql(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = 'events' AND sql IS NOT NULL"
            )
            .fetchall()
        ):
            op.drop_index(name)
        op.rename_table("events", "events_before")
        return
    op.execute("ALTER TABLE events NO FORCE ROW LEVEL SECURITY")
    found = op.get_bind().exec_driver_sql(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'events'::regclass AND NOT indisprimary"
    )
    for (name,) in found.fetchall():
        op.execute(f"DROP INDEX {name}")
    op.rename_table("events", "events_before")
    op.execute(
        "ALTER TABLE events_before RENAME CONSTRAINT pk_events TO pk_events_before"
    )  # an index, whose name is the schema's


def _create_events(key: tuple[str, ...], *more: sa.ForeignKeyConstraint, partition_by: str | None = None) -> None:
    op.create_table(
        "events",
        _required("tenant_id", ID),
        _required("source", KEY),
        _required("event_id", KEY),
        _required("type", KEY),
        _required("customer_id", ID),
        _required("at", Instant()),
        _required("received_at", Instant()),
        _required("data", Document),
        sa.Column("amends", KEY, nullable=True),
        sa.Column("first_id", KEY, nullable=True),
        sa.Column("amended_by", KEY, nullable=True),
        sa.Column("archived_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_events_tenant_id_customer_id_customers"),
        ),
        *more,
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f("pk_events")),
        postgresql_partition_by=partition_by,
    )


def _index_events() -> None:
    archived = sa.text("archived_at IS NOT NULL")
    op.create_index("ix_events_customer", "events", ["tenant_id", "customer_id", "type", "at"], unique=False)
    op.create_index("ix_events_received", "events", ["tenant_id", "received_at"], unique=False)
    op.create_index(
        "ix_events_archived", "events", ["tenant_id", "archived_at"], sqlite_where=archived, postgresql_where=archived
    )
