"""Subscriptions and invoices of the whole money engine: trials, pauses, seats, schedules, taxes, payments in parts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ADDED = {
    "subscriptions": (
        "trial_ends_at",
        "paused_at",
        "usage_from",
        "sequence",
        "phase_from",
        "seats",
        "scheduled",
        "facts",
    ),
    "subscription_addons": ("seats",),
    "quotes": ("seats",),
    "invoices": (
        "kind",
        "rated_at",
        "due_at",
        "failure",
        "tax_minor",
        "prepaid_minor",
        "paid_minor",
        "credited_minor",
        "summary",
        "parties",
    ),
    "invoice_lines": ("net_minor", "tax_minor"),
}


def upgrade() -> None:
    with op.batch_alter_table("subscriptions") as table:
        table.add_column(sa.Column("trial_ends_at", Instant(), nullable=True))
        table.add_column(sa.Column("paused_at", Instant(), nullable=True))
        table.add_column(sa.Column("usage_from", Instant(), nullable=True))
        table.add_column(sa.Column("sequence", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("phase_from", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("seats", sa.BigInteger(), nullable=False, server_default="1"))
        table.add_column(sa.Column("scheduled", Document, nullable=False, server_default="[]"))
        table.add_column(sa.Column("facts", Document, nullable=False, server_default="{}"))
        table.alter_column("next_boundary_at", existing_type=Instant(), nullable=True)
    subscriptions = sa.table(
        "subscriptions",
        sa.column("usage_from", Instant()),
        sa.column("started_at", Instant()),
        sa.column("sequence"),
        sa.column("billed_periods"),
        sa.column("tenant_id"),
        sa.column("id"),
    )
    invoices = sa.table(
        "invoices", sa.column("tenant_id"), sa.column("subscription_id"), sa.column("period_end", Instant())
    )
    billed_until = (
        sa.select(sa.func.max(invoices.c.period_end))
        .where(invoices.c.tenant_id == subscriptions.c.tenant_id, invoices.c.subscription_id == subscriptions.c.id)
        .scalar_subquery()
    )
    op.execute(
        subscriptions.update().values(
            usage_from=sa.func.coalesce(billed_until, subscriptions.c.started_at),
            sequence=subscriptions.c.billed_periods,
        )
    )
    with op.batch_alter_table("subscriptions") as table:
        table.alter_column("usage_from", existing_type=Instant(), nullable=False)
    for name in ("subscription_addons", "quotes"):
        op.add_column(name, sa.Column("seats", sa.BigInteger(), nullable=False, server_default="1"))
    with op.batch_alter_table("invoices") as table:
        table.add_column(sa.Column("kind", sa.String(length=500), nullable=False, server_default="cycle"))
        table.alter_column("subscription_id", existing_type=sa.String(length=40), nullable=True)
        table.alter_column("sequence", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("rated_at", Instant(), nullable=True))
        table.add_column(sa.Column("due_at", Instant(), nullable=True))
        table.add_column(sa.Column("failure", sa.String(length=500), nullable=True))
        for name in ("tax_minor", "prepaid_minor", "paid_minor", "credited_minor"):
            table.add_column(sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("summary", Document, nullable=True))
        table.add_column(sa.Column("parties", Document, nullable=True))
    paid = sa.table(
        "invoices", sa.column("status"), sa.column("paid_minor"), sa.column("total_minor"), sa.column("credit_minor")
    )
    still_due = paid.c.total_minor - paid.c.credit_minor
    op.execute(
        paid.update().where(paid.c.status == "paid").values(paid_minor=sa.case((still_due > 0, still_due), else_=0))
    )
    with op.batch_alter_table("invoice_lines") as table:
        table.add_column(sa.Column("net_minor", sa.BigInteger(), nullable=True))
        table.add_column(sa.Column("tax_minor", sa.BigInteger(), nullable=False, server_default="0"))
    lines = sa.table("invoice_lines", sa.column("net_minor"), sa.column("amount_minor"))
    op.execute(lines.update().values(net_minor=lines.c.amount_minor))
    with op.batch_alter_table("invoice_lines") as table:
        table.alter_column("net_minor", existing_type=sa.BigInteger(), nullable=False)
    op.create_table(
        "billing_marks",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("job", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_billing_marks_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "job", name=op.f("pk_billing_marks")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(["billing_marks"]):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("billing_marks")
    for name, columns in _ADDED.items():
        with op.batch_alter_table(name) as table:
            for column in columns:
                table.drop_column(column)
