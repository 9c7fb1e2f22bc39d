"""Rules of segments and where customers stand, served feature vectors and their checks, erasures, and why a subscription ended."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("segment_rules", "segment_standings", "served_vectors", "served_checks", "erasures")
_TEXT = sa.String(length=500)


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint("tenant_id", *columns, name=op.f(f"pk_{table}"))


def _customer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "customer_id"],
        ["customers.tenant_id", "customers.id"],
        name=op.f(f"fk_{table}_tenant_id_customer_id_customers"),
    )


def upgrade() -> None:
    op.add_column("subscription_events", sa.Column("reason", _TEXT, nullable=True))
    _create_segments()
    _create_served()
    op.create_table(
        "erasures",
        _required("tenant_id", ID),
        _required("customer_hash", KEY),
        _required("customer_id", ID),
        _required("erased_at", Instant()),
        _required("done", Document),
        _key("erasures", "customer_hash"),
        _customer("erasures"),
        _tenant("erasures"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES, append_only=("erasures",)):
            op.execute(statement)


def _create_segments() -> None:
    op.create_table(
        "segment_rules",
        _required("tenant_id", ID),
        _required("key", KEY),
        _required("name", _TEXT),
        _required("tree", Document),
        _required("revision", sa.BigInteger()),
        _required("created_at", Instant()),
        _required("changed_at", Instant()),
        sa.Column("evaluated_at", Instant(), nullable=True),
        _key("segment_rules", "key"),
        _tenant("segment_rules"),
    )
    op.create_table(
        "segment_standings",
        _required("tenant_id", ID),
        _required("scheme", KEY),
        _required("customer_id", ID),
        _required("segment", KEY),
        _required("since", Instant()),
        _key("segment_standings", "scheme", "customer_id"),
        _customer("segment_standings"),
        _tenant("segment_standings"),
    )
    op.create_index("ix_segment_standings_customer", "segment_standings", ["tenant_id", "customer_id"])
    op.create_index("ix_segment_standings_segment", "segment_standings", ["tenant_id", "scheme", "segment"])


def _create_served() -> None:
    op.create_table(
        "served_vectors",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("customer_id", ID),
        _required("surface", KEY),
        _required("as_of", Instant()),
        _required("served_at", Instant()),
        _required("spec_hash", KEY),
        _required("names", Document),
        _required("vector", Document),
        _key("served_vectors", "id"),
        _customer("served_vectors"),
        _tenant("served_vectors"),
    )
    op.create_index("ix_served_vectors_served", "served_vectors", ["tenant_id", "served_at"])
    op.create_index("ix_served_vectors_customer", "served_vectors", ["tenant_id", "customer_id"])
    op.create_table(
        "served_checks",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("checked_at", Instant()),
        _required("sampled", sa.BigInteger()),
        _required("differing", sa.BigInteger()),
        _required("details", Document),
        _key("served_checks", "id"),
        _tenant("served_checks"),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    with op.batch_alter_table("subscription_events") as events:
        events.drop_column("reason")
