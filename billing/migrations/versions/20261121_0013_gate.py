"""How a feature binds beyond its limit and without its data, and what a configuration is worth by default."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

TABLE = "features"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("terms", Document, nullable=False, server_default="{}"))
    op.add_column(TABLE, sa.Column("default_setting", sa.String(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table(TABLE) as table:
        table.drop_column("default_setting")
        table.drop_column("terms")
