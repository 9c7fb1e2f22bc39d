"""Holds, and the rows at which those who hold units of one thing wait."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.columns import ExactDecimal, Instant
from billing.db.isolation import isolate

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLES = ("holds", "hold_gates")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=False)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=200), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=500), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Instant(), nullable=nullable)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _customer(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", "customer_id"],
        ["customers.tenant_id", "customers.id"],
        name=op.f(f"fk_{table}_tenant_id_customer_id_customers"),
    )


def upgrade() -> None:
    op.create_table(
        "holds",
        _id("tenant_id"),
        _id("id"),
        _key("key"),
        _id("customer_id"),
        _key("feature"),
        _key("meter"),
        sa.Column("quantity", ExactDecimal(), nullable=False),
        _text("overdraw"),
        _text("state"),
        _instant("held_at"),
        _instant("expires_at"),
        _instant("ended_at", nullable=True),
        sa.Column("used", ExactDecimal(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_holds")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_holds_tenant_id_key")),
        _tenant("holds"),
        _customer("holds"),
    )
    op.create_index("ix_holds_customer", "holds", ["tenant_id", "customer_id", "meter", "state"])
    op.create_index("ix_holds_expires", "holds", ["tenant_id", "state", "expires_at"])
    op.create_table(
        "hold_gates",
        _id("tenant_id"),
        _id("customer_id"),
        _key("meter"),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", "meter", name=op.f("pk_hold_gates")),
        _tenant("hold_gates"),
        _customer("hold_gates"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
