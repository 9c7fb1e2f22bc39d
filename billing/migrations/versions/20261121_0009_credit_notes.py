"""Credit notes; what was invoiced in advance and is earned day by day; facts in the books found by time and by customer.

The index over archived events holds those alone from here on.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLES = ("credit_notes", "credit_note_lines", "deferred_lines")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=False)


def _minor(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, Instant(), nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}_{target}"),
    )


def upgrade() -> None:
    op.create_table(
        "credit_notes",
        _id("tenant_id"),
        _id("id"),
        sa.Column("number", sa.String(length=200), nullable=False),
        _id("invoice_id"),
        _id("customer_id"),
        *(sa.Column(name, sa.String(length=500), nullable=False) for name in ("currency", "reason", "memo")),
        _instant("issued_at"),
        *(_minor(f"{name}_minor") for name in ("total", "applied", "to_balance", "to_refund", "refunded")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_credit_notes")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_credit_notes_tenant_id_number")),
        sa.CheckConstraint(
            "applied_minor + to_balance_minor + to_refund_minor = total_minor", name=op.f("ck_credit_notes_settled")
        ),
        sa.CheckConstraint("refunded_minor BETWEEN 0 AND to_refund_minor", name=op.f("ck_credit_notes_refunded")),
        _tenant("credit_notes"),
        _to("credit_notes", "invoice_id", "invoices"),
        _to("credit_notes", "customer_id", "customers"),
    )
    op.create_index("ix_credit_notes_invoice", "credit_notes", ["tenant_id", "invoice_id"])
    op.create_index("ix_credit_notes_customer", "credit_notes", ["tenant_id", "customer_id"])
    op.create_table(
        "credit_note_lines",
        _id("tenant_id"),
        _id("credit_note_id"),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        _minor("net_minor"),
        _minor("tax_minor"),
        sa.Column("taxes", Document, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "credit_note_id", "position", name=op.f("pk_credit_note_lines")),
        _tenant("credit_note_lines"),
        _to("credit_note_lines", "credit_note_id", "credit_notes"),
    )
    _create_deferred_lines()
    op.create_index("ix_ledger_transactions_at", "ledger_transactions", ["tenant_id", "at"])
    op.create_index("ix_ledger_transactions_customer", "ledger_transactions", ["tenant_id", "customer_id", "at"])
    archived = sa.text("archived_at IS NOT NULL")
    op.drop_index("ix_events_archived", "events")
    op.create_index(
        "ix_events_archived", "events", ["tenant_id", "archived_at"], sqlite_where=archived, postgresql_where=archived
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def _create_deferred_lines() -> None:
    op.create_table(
        "deferred_lines",
        _id("tenant_id"),
        _id("invoice_id"),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        _id("customer_id"),
        sa.Column("currency", sa.String(length=500), nullable=False),
        *(_instant(name) for name in ("issued_at", "starts_at", "ends_at")),
        _minor("amount_minor"),
        _minor("recognised_minor"),
        sa.Column("due_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "invoice_id", "position", name=op.f("pk_deferred_lines")),
        _tenant("deferred_lines"),
        _to("deferred_lines", "invoice_id", "invoices"),
        _to("deferred_lines", "customer_id", "customers"),
    )
    op.create_index("ix_deferred_lines_due", "deferred_lines", ["tenant_id", "due_at"])


def downgrade() -> None:
    op.drop_index("ix_events_archived", "events")
    op.create_index("ix_events_archived", "events", ["tenant_id", "archived_at"])
    op.drop_index("ix_ledger_transactions_customer", "ledger_transactions")
    op.drop_index("ix_ledger_transactions_at", "ledger_transactions")
    for table in reversed(TABLES):
        op.drop_table(table)
