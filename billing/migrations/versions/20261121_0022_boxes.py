"""Bundles that were sold as one line, and boxes chosen for each period."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLES = ("bundle_policies", "bundle_quotes", "box_plans", "box_periods", "box_shelves", "boxes", "box_acts")


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _pointing(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}_{target}"),
    )


def upgrade() -> None:
    _bundles()
    _shelves()
    _boxes()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def _bundles() -> None:
    op.create_table(
        "bundle_policies",
        _required("tenant_id", ID),
        _required("document", Document),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_bundle_policies")),
        _tenant("bundle_policies"),
    )
    op.create_table(
        "bundle_quotes",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("customer_id", ID),
        sa.Column("subscription_id", ID),
        sa.Column("revision", sa.BigInteger()),
        _required("parts", Document),
        _required("total_minor", sa.BigInteger()),
        _required("currency", sa.String(500)),
        _required("margin_rule", sa.String(500)),
        _required("quoted_at", Instant()),
        _required("expires_at", Instant()),
        sa.Column("accepted_at", Instant()),
        sa.Column("invoice_id", ID),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_bundle_quotes")),
        _tenant("bundle_quotes"),
        _pointing("bundle_quotes", "customer_id", "customers"),
        _pointing("bundle_quotes", "subscription_id", "subscriptions"),
        _pointing("bundle_quotes", "invoice_id", "invoices"),
    )
    op.create_index("ix_bundle_quotes_customer", "bundle_quotes", ["tenant_id", "customer_id"])


def _shelves() -> None:
    op.create_table(
        "box_plans",
        _required("tenant_id", ID),
        _required("key", KEY),
        _required("document", Document),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_box_plans")),
        _tenant("box_plans"),
    )
    op.create_table(
        "box_periods",
        _required("tenant_id", ID),
        _required("key", KEY),
        _required("currency", sa.String(500)),
        _required("choose_at", Instant()),
        _required("cut_off", Instant()),
        _required("state", sa.String(500)),
        _required("revision", sa.BigInteger()),
        sa.Column("chosen_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_box_periods")),
        _tenant("box_periods"),
    )
    op.create_table(
        "box_shelves",
        _required("tenant_id", ID),
        _required("period", KEY),
        _required("item", KEY),
        _required("name", sa.String(500)),
        _required("category", KEY),
        _required("cost_minor", sa.BigInteger()),
        _required("stock", sa.BigInteger()),
        _required("left_count", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant_id", "period", "item", name=op.f("pk_box_shelves")),
        _tenant("box_shelves"),
    )


def _boxes() -> None:
    op.create_table(
        "boxes",
        _required("tenant_id", ID),
        _required("period", KEY),
        _required("customer_id", ID),
        _required("plan_key", KEY),
        _required("slots", sa.BigInteger()),
        _required("price_minor", sa.BigInteger()),
        _required("budget_minor", sa.BigInteger()),
        _required("contents", Document),
        _required("short_why", sa.String(500)),
        _required("chosen_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "period", "customer_id", name=op.f("pk_boxes")),
        _tenant("boxes"),
        _pointing("boxes", "customer_id", "customers"),
    )
    op.create_index("ix_boxes_customer", "boxes", ["tenant_id", "customer_id"])
    op.create_index("ix_boxes_chosen", "boxes", ["tenant_id", "chosen_at"])
    op.create_table(
        "box_acts",
        _required("tenant_id", ID),
        _required("customer_id", ID),
        _required("period", KEY),
        _required("item", KEY),
        _required("kind", KEY),
        _required("act", sa.String(500)),
        _required("comment", sa.String(500)),
        _required("at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", "period", "item", "kind", name=op.f("pk_box_acts")),
        _tenant("box_acts"),
        _pointing("box_acts", "customer_id", "customers"),
    )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
