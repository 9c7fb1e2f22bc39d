"""Signals that triggers raised, what holds offers back, their settings, and feedback that customers gave."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLES = ("signals", "restraints", "signal_settings", "signal_looks", "feedback", "feedback_asks")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _customer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "customer_id"],
        ["customers.tenant_id", "customers.id"],
        name=op.f(f"fk_{table}_tenant_id_customer_id_customers"),
    )


def _make_signals() -> None:
    op.create_table(
        "signals",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("customer_id", ID),
        _required("trigger", KEY),
        _required("once_key", KEY),
        sa.Column("subject", KEY),
        sa.Column("member", KEY),
        _required("strength_ppm", sa.BigInteger()),
        _required("at", Instant()),
        _required("raised_at", Instant()),
        _required("expires_at", Instant()),
        sa.Column("rearms_at", Instant()),
        _required("evidence", Document),
        sa.Column("answered_at", Instant()),
        sa.Column("answered_by", ID),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signals")),
        sa.UniqueConstraint("tenant_id", "customer_id", "trigger", "once_key", name="uq_signals_once"),
        _tenant("signals"),
        _customer("signals"),
    )
    op.create_index("ix_signals_living", "signals", ["tenant_id", "customer_id", "expires_at"])
    op.create_index("ix_signals_trigger", "signals", ["tenant_id", "trigger", "rearms_at"])


def _make_what_stands_beside_signals() -> None:
    op.create_table(
        "restraints",
        _required("tenant_id", ID),
        _required("customer_id", ID),
        _required("kind", KEY),
        _required("reference", KEY),
        sa.Column("began_at", Instant()),
        sa.Column("ended_at", Instant()),
        sa.Column("lapses_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", "kind", "reference", name=op.f("pk_restraints")),
        _tenant("restraints"),
        _customer("restraints"),
    )
    op.create_table(
        "signal_settings",
        _required("tenant_id", ID),
        _required("document", Document),
        sa.Column("incident_since", Instant()),
        sa.Column("incident_until", Instant()),
        _required("incident_note", sa.String(length=500)),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_signal_settings")),
        _tenant("signal_settings"),
    )
    op.create_table(
        "signal_looks",
        _required("tenant_id", ID),
        _required("name", KEY),
        _required("until", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "name", name=op.f("pk_signal_looks")),
        _tenant("signal_looks"),
    )


def _make_feedback() -> None:
    op.create_table(
        "feedback",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("customer_id", ID),
        sa.Column("member", KEY),
        _required("about_kind", KEY),
        _required("about", KEY),
        _required("rating", sa.BigInteger()),
        _required("low", sa.BigInteger()),
        _required("high", sa.BigInteger()),
        _required("reason", sa.Text()),
        _required("at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_feedback")),
        _tenant("feedback"),
        _customer("feedback"),
    )
    op.create_index("ix_feedback_about", "feedback", ["tenant_id", "about_kind", "about"])
    op.create_index("ix_feedback_customer", "feedback", ["tenant_id", "customer_id"])
    op.create_index("ix_feedback_at", "feedback", ["tenant_id", "at"])
    op.create_table(
        "feedback_asks",
        _required("tenant_id", ID),
        _required("customer_id", ID),
        _required("asked_at", Instant()),
        _required("times", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", name=op.f("pk_feedback_asks")),
        _tenant("feedback_asks"),
        _customer("feedback_asks"),
    )


def upgrade() -> None:
    _make_signals()
    _make_what_stands_beside_signals()
    _make_feedback()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
