"""Endpoints that are told what happened, and the deliveries to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLES = ("webhook_endpoints", "webhook_deliveries")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=nullable)


def _text(name: str, length: int = 500, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=nullable)


def _keys(table: str, **targets: str) -> list[sa.Constraint]:
    """The tenant's key, the primary key, and keys to rows of the same tenant."""
    return [
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{target}.tenant_id", f"{target}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}_{target}"),
            )
            for column, target in targets.items()
        ),
    ]


def upgrade() -> None:
    op.create_table(
        "webhook_endpoints",
        _id("tenant_id"),
        _id("id"),
        _text("url", 2000),
        _text("description"),
        sa.Column("events", Document, nullable=False),
        _text("disabled_for", nullable=True),
        _instant("disabled_at", nullable=True),
        _number("generation"),
        _instant("previous_until", nullable=True),
        _instant("failing_since", nullable=True),
        _number("last_position"),
        _id("lease", nullable=True),
        _instant("leased_until", nullable=True),
        _instant("created_at"),
        *_keys("webhook_endpoints"),
    )
    op.create_table(
        "webhook_deliveries",
        _id("tenant_id"),
        _id("id"),
        _id("endpoint_id"),
        _id("event_id"),
        _text("kind", 200),
        _number("position"),
        _text("state", 20),
        _number("attempts"),
        _instant("next_attempt_at", nullable=True),
        _instant("last_attempt_at", nullable=True),
        _number("last_status", nullable=True),
        _text("last_error", nullable=True),
        _text("excerpt"),
        _instant("settled_at", nullable=True),
        _instant("created_at"),
        *_keys("webhook_deliveries", endpoint_id="webhook_endpoints", event_id="outbox"),
        sa.UniqueConstraint(
            "tenant_id",
            "endpoint_id",
            "event_id",
            name=op.f("uq_webhook_deliveries_tenant_id_endpoint_id_event_id"),
        ),
    )
    op.create_index(
        "ix_webhook_deliveries_state", "webhook_deliveries", ["tenant_id", "endpoint_id", "state", "position"]
    )
    op.create_index("ix_webhook_deliveries_settled", "webhook_deliveries", ["tenant_id", "settled_at"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
