"""Training runs, their leases and releases, and what was watched of models that serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

if TYPE_CHECKING:
    from collections.abc import Sequence

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ID, KEY, WORDS = sa.String(length=40), sa.String(length=200), sa.String(length=500)
TABLES = (
    "training_runs",
    "training_leases",
    "learning_settings",
    "model_releases",
    "model_shadows",
    "kept_scores",
    "model_watches",
)
APPEND_ONLY = ("model_releases",)


def upgrade() -> None:
    _runs()
    _leases_and_settings()
    _releases()
    _watched()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES, append_only=APPEND_ONLY):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)


def _runs() -> None:
    queued = sa.text("state = 'queued'")
    _table(
        "training_runs",
        ("id",),
        _required("id", ID),
        _required("task", KEY),
        _required("state", WORDS),
        _required("trigger", WORDS),
        _required("seed", sa.BigInteger()),
        _required("force", sa.Boolean()),
        _required("cancel_requested", sa.Boolean()),
        _required("requested_at", Instant()),
        *(sa.Column(name, Instant()) for name in ("as_of", "started_at", "heartbeat_at", "finished_at")),
        sa.Column("owner", WORDS),
        _required("fence", sa.BigInteger()),
        _required("words", WORDS),
        _required("done_ppm", sa.BigInteger()),
        *(sa.Column(name, WORDS) for name in ("data_hash", "spec_hash", "snapshot_hash", "version")),
        _required("reason", sa.Text()),
    )
    op.create_index("ix_training_runs_task", "training_runs", ["tenant_id", "task", "id"])
    op.create_index("ix_training_runs_state", "training_runs", ["tenant_id", "state"])
    op.create_index(
        "uq_training_runs_queued",
        "training_runs",
        ["tenant_id", "task"],
        unique=True,
        sqlite_where=queued,
        postgresql_where=queued,
    )


def _leases_and_settings() -> None:
    _table(
        "training_leases",
        ("task",),
        _required("task", KEY),
        _required("run_id", ID),
        _required("owner", WORDS),
        _required("fence", sa.BigInteger()),
        _required("until", Instant()),
    )
    _table(
        "learning_settings",
        (),
        _required("document", Document),
        sa.Column("next_at", Instant()),
        _required("updated_at", Instant()),
    )


def _releases() -> None:
    _table(
        "model_releases",
        ("task", "number"),
        _required("task", KEY),
        _required("number", sa.BigInteger()),
        _required("version", KEY),
        sa.Column("previous", KEY),
        _required("move", WORDS),
        _required("reason", sa.Text()),
        _required("who", WORDS),
        _required("at", Instant()),
        sa.Column("gate", Document),
    )
    _table(
        "model_shadows",
        ("task",),
        _required("task", KEY),
        _required("version", KEY),
        _required("since", Instant()),
        _required("until", Instant()),
        _required("reason", sa.Text()),
        _required("compared", Document),
    )


def _watched() -> None:
    _table(
        "kept_scores",
        ("task", "customer_id", "as_of"),
        _required("task", KEY),
        _required("customer_id", ID),
        _required("as_of", Instant()),
        _required("version", KEY),
        _required("value_ppm", sa.BigInteger()),
        _required("horizon_days", sa.BigInteger()),
        _required("matures_at", Instant()),
        sa.Column("outcome", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_kept_scores_tenant_id_customer_id_customers"),
        ),
    )
    op.create_index("ix_kept_scores_matures", "kept_scores", ["tenant_id", "task", "matures_at"])
    _table(
        "model_watches",
        ("id",),
        _required("id", ID),
        _required("task", KEY),
        _required("version", KEY),
        _required("at", Instant()),
        _required("alarm", sa.Boolean()),
        _required("sentence", sa.Text()),
        _required("document", Document),
    )
    op.create_index("ix_model_watches_task", "model_watches", ["tenant_id", "task", "id"])


def _table(name: str, key: Sequence[str], *columns: sa.Column[Any] | sa.ForeignKeyConstraint) -> None:
    op.create_table(
        name,
        _required("tenant_id", ID),
        *columns,
        sa.PrimaryKeyConstraint("tenant_id", *key, name=op.f(f"pk_{name}")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{name}_tenant_id_tenants")),
    )


def _required(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)
