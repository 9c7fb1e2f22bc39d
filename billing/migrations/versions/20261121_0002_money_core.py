"""Subscriptions and invoices of the whole money engine: trials, pauses, seats, schedules, taxes, payments in parts."""

from __future__ import annotations

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing yet."""


def downgrade() -> None:
    """Nothing yet."""
