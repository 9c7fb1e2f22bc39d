"""Experiments, who was exposed to them, and what was concluded."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLES = ("experiments", "experiment_exposures", "experiment_looks", "experiment_shares")
_TEXT = sa.String(500)


def _required(name: str, kind: Any, default: Any = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=default)


def _optional(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{target}.tenant_id", f"{target}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}_{target}"),
    )


def upgrade() -> None:
    op.create_table(
        "experiments",
        _required("tenant_id", ID),
        _required("id", ID),
        _required("key", KEY),
        _required("version", sa.BigInteger()),
        _required("name", _TEXT),
        _required("hypothesis", _TEXT),
        _optional("placement", KEY),
        _required("kind", _TEXT),
        _required("status", _TEXT),
        _optional("layer", KEY),
        _required("layer_share", sa.Double()),  # a share of units (money-lint: allow)
        _required("coverage", sa.Double()),  # a share of units (money-lint: allow)
        _required("is_sticky", sa.Boolean(), sa.false()),
        _required("plan", Document),
        _required("arms", Document),
        _optional("digest", _TEXT),
        _required("created_at", Instant()),
        *(_optional(name, Instant()) for name in ("started_at", "paused_at", "stopped_at", "decided_at", "freed_at")),
        _optional("why", _TEXT),
        _optional("decided_by", _TEXT),
        _optional("decided_arm", KEY),
        _optional("verdict", Document),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_experiments")),
        sa.UniqueConstraint("tenant_id", "key", "version", name=op.f("uq_experiments_tenant_id_key_version")),
        _tenant("experiments"),
    )
    op.create_index("ix_experiments_status", "experiments", ["tenant_id", "status", "layer"])
    op.create_table(
        "experiment_exposures",
        _required("tenant_id", ID),
        _required("experiment", KEY),
        _required("unit", KEY),
        _required("customer_id", ID),
        _optional("member", KEY),
        _required("arm", KEY),
        _required("at", Instant()),
        _required("counterfactual", sa.Boolean(), sa.false()),
        _required("propensity", sa.Double()),  # a chance (money-lint: allow)
        _optional("decision_id", ID),
        _optional("plan", KEY),
        _optional("segment", KEY),
        _required("crossed", sa.BigInteger(), "0"),
        sa.PrimaryKeyConstraint("tenant_id", "experiment", "unit", name=op.f("pk_experiment_exposures")),
        _tenant("experiment_exposures"),
        _of("experiment_exposures", "customer_id", "customers"),
    )
    op.create_index("ix_experiment_exposures_customer", "experiment_exposures", ["tenant_id", "customer_id"])
    op.create_index(
        "ix_experiment_exposures_undescribed",
        "experiment_exposures",
        ["tenant_id", "experiment"],
        sqlite_where=sa.text("plan IS NULL"),
        postgresql_where=sa.text("plan IS NULL"),
    )
    op.create_table(
        "experiment_looks",
        _required("tenant_id", ID),
        _required("experiment_id", ID),
        _required("day", sa.BigInteger()),
        _required("at", Instant()),
        _optional("planned", sa.BigInteger()),
        _required("units", Document),
        _required("facts", Document),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", "day", name=op.f("pk_experiment_looks")),
        _tenant("experiment_looks"),
        _of("experiment_looks", "experiment_id", "experiments"),
    )
    op.create_table(
        "experiment_shares",
        _required("tenant_id", ID),
        _required("experiment_id", ID),
        _required("at", Instant()),
        _required("shares", Document),
        sa.PrimaryKeyConstraint("tenant_id", "experiment_id", "at", name=op.f("pk_experiment_shares")),
        _tenant("experiment_shares"),
        _of("experiment_shares", "experiment_id", "experiments"),
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
