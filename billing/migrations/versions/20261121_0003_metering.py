"""Meters with filters and groups, and amendments of events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.base import KEY
from billing.db.columns import Document, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_METERS = ("filters", "groups", "operation")
_EVENTS = ("amends", "first_id", "amended_by", "archived_at")


def upgrade() -> None:
    op.add_column("meters", sa.Column("filters", Document, nullable=False, server_default="{}"))
    op.add_column("meters", sa.Column("groups", Document, nullable=False, server_default="[]"))
    op.add_column("meters", sa.Column("operation", sa.String(), nullable=True))
    op.add_column("events", sa.Column("amends", KEY, nullable=True))
    op.add_column("events", sa.Column("first_id", KEY, nullable=True))
    op.add_column("events", sa.Column("amended_by", KEY, nullable=True))
    op.add_column("events", sa.Column("archived_at", Instant(), nullable=True))
    op.create_index("ix_events_received", "events", ["tenant_id", "received_at"])
    op.create_index("ix_events_archived", "events", ["tenant_id", "archived_at"])


def downgrade() -> None:
    op.drop_index("ix_events_archived", "events")
    op.drop_index("ix_events_received", "events")
    for name in reversed(_EVENTS):
        op.drop_column("events", name)
    for name in reversed(_METERS):
        op.drop_column("meters", name)
