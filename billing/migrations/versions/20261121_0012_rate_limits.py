"""Rate limits: buckets of customers, one row each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document
from billing.db.isolation import isolate

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

TABLE = "rate_buckets"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("level", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("leases", Document, nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_rate_buckets")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_rate_buckets_tenant_id_tenants")),
    )
    op.create_index("ix_rate_buckets_ends_at", TABLE, ["tenant_id", "ends_at"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate([TABLE]):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table(TABLE)
