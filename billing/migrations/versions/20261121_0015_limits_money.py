"""Limits of mode `overage` name their meter in the terms, which are a document: there is nothing to change in the tables."""

from __future__ import annotations

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nothing."""


def downgrade() -> None:
    """Nothing."""
