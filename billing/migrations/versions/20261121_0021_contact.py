"""Who may be contacted for what and where, what was handed out, and mailings."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate
from billing.db.session import APP_ROLE

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = ("contact_suppressions", "mailings", "mailing_recipients")
FIXED = ("mailings",)
TEXT = sa.String(500)
SHA256 = sa.String(64)
MANIFEST = ("file_format", "fields", "size_bytes", "sha256", "policy_sha256", "asked_by", "endpoint_id", "kept_until")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _points(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_{column}_{target}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=name)


def _manifest() -> list[sa.Column[Any]]:
    return [
        sa.Column("file_format", KEY, nullable=False, server_default="csv"),
        sa.Column("fields", Document, nullable=False, server_default="[]"),
        sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sha256", SHA256, nullable=True),
        sa.Column("policy_sha256", SHA256, nullable=True),
        sa.Column("asked_by", TEXT, nullable=True),
        sa.Column("endpoint_id", ID, nullable=True),
        sa.Column("kept_until", Instant(), nullable=True),
    ]


def upgrade() -> None:
    for column in _manifest():
        op.add_column("segment_exports", column)
    op.create_table(
        "contact_suppressions",
        _required("tenant_id", ID),
        _required("customer_id", ID),
        _required("channel", KEY),
        _required("purpose", KEY),
        _required("reason", KEY),
        _required("at", Instant()),
        sa.PrimaryKeyConstraint(
            "tenant_id", "customer_id", "channel", "purpose", "reason", name=op.f("pk_contact_suppressions")
        ),
        _tenant("contact_suppressions"),
        _points("contact_suppressions", "customer_id", "customers"),
    )
    op.create_table(
        "mailings",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("segment_key", KEY),
        _required("purpose", KEY),
        _required("content", Document),
        _required("excluded", Document),
        _required("created_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_mailings")),
        _tenant("mailings"),
    )
    op.create_table(
        "mailing_recipients",
        _required("tenant_id", ID),
        _required("mailing_id", ID),
        _required("customer_id", ID),
        _required("state", KEY),
        _required("reason", TEXT),
        _required("attempts", sa.BigInteger),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "mailing_id", "customer_id", name=op.f("pk_mailing_recipients")),
        _tenant("mailing_recipients"),
        _points("mailing_recipients", "customer_id", "customers"),
        _points("mailing_recipients", "mailing_id", "mailings"),
    )
    columns = ["tenant_id", "mailing_id", "state", "customer_id"]
    op.create_index("ix_mailing_recipients_state", "mailing_recipients", columns)
    op.create_index("ix_mailing_recipients_customer", "mailing_recipients", ["tenant_id", "customer_id"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES, append_only=FIXED):
            op.execute(statement)
        op.execute(f"REVOKE UPDATE, DELETE ON segment_exports FROM {APP_ROLE}")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"GRANT UPDATE, DELETE ON segment_exports TO {APP_ROLE}")
    for table in reversed(TABLES):
        op.drop_table(table)
    for column in reversed(MANIFEST):
        op.drop_column("segment_exports", column)
