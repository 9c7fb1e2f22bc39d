"""Rows of training runs, of the leases that keep two workers from one task, and of a tenant's learning settings."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow
from billing.db.columns import Document


class TrainingRunRow(TenantRow):
    """One run of one task. `as_of` is the tenant's time it speaks of; all other moments are the machine's."""

    __tablename__ = "training_runs"
    __table_args__ = (
        Index("ix_training_runs_task", "tenant_id", "task", "id"),
        Index("ix_training_runs_state", "tenant_id", "state"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    task: Mapped[str] = mapped_column(KEY)
    state: Mapped[str]
    trigger: Mapped[str]
    seed: Mapped[int]
    force: Mapped[bool]
    cancel_requested: Mapped[bool]
    requested_at: Mapped[datetime]
    as_of: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    owner: Mapped[str | None]
    fence: Mapped[int]
    words: Mapped[str]
    done_ppm: Mapped[int]
    data_hash: Mapped[str | None]
    spec_hash: Mapped[str | None]
    snapshot_hash: Mapped[str | None]
    version: Mapped[str | None]
    reason: Mapped[str] = mapped_column(Text)


_is_queued = TrainingRunRow.state == "queued"  # one run of a task waits at most
Index(
    "uq_training_runs_queued",
    TrainingRunRow.tenant_id,
    TrainingRunRow.task,
    unique=True,
    sqlite_where=_is_queued,
    postgresql_where=_is_queued,
)


class TrainingLeaseRow(TenantRow):
    """Who may train a task until when; `fence` grows with every owner, so that a late one is told apart."""

    __tablename__ = "training_leases"

    task: Mapped[str] = mapped_column(KEY, primary_key=True)
    run_id: Mapped[str] = mapped_column(ID)
    owner: Mapped[str]
    fence: Mapped[int]
    until: Mapped[datetime]


class LearningSettingsRow(TenantRow):
    """The one row of a tenant's learning settings, and when its next runs are due."""

    __tablename__ = "learning_settings"

    document: Mapped[dict[str, Any]] = mapped_column(Document)
    next_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]
