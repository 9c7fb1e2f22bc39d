"""What items are (attributes), and what customers declared they want."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLES = ("item_attributes", "preferences")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def upgrade() -> None:
    op.create_table(
        "item_attributes",
        _required("tenant_id", ID),
        _required("item", KEY),
        _required("document", Document),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "item", name=op.f("pk_item_attributes")),
        _tenant("item_attributes"),
    )
    op.create_table(
        "preferences",
        _required("tenant_id", ID),
        _required("customer_id", ID),
        _required("document", Document),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", name=op.f("pk_preferences")),
        _tenant("preferences"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_preferences_tenant_id_customer_id_customers"),
        ),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
