"""Usage by the hour: what each customer's events add up to on each meter, and which meters' sums are whole."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.columns import ExactDecimal, Instant
from billing.db.isolation import isolate

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLES = ("usage_rollups", "rolled_meters")


def _number(name: str, *, nullable: bool) -> sa.Column[Any]:
    return sa.Column(name, ExactDecimal().with_variant(sa.Numeric(), "postgresql"), nullable=nullable)


def _key(name: str, length: int = 200) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def upgrade() -> None:
    op.create_table(
        "usage_rollups",
        _key("tenant_id", 40),
        _key("meter_key"),
        _key("customer_id", 40),
        sa.Column("hour", Instant(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        _number("total", nullable=False),
        _number("largest", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "meter_key", "customer_id", "hour", name=op.f("pk_usage_rollups")),
        _tenant("usage_rollups"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_usage_rollups_tenant_id_customer_id_customers"),
        ),
    )
    op.create_table(
        "rolled_meters",
        _key("tenant_id", 40),
        _key("meter_key"),
        _key("definition"),
        sa.Column("rolled_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "meter_key", name=op.f("pk_rolled_meters")),
        _tenant("rolled_meters"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
