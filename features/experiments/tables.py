"""Rows of experiments, of who was exposed to them, of what each day's look found, and of a bandit's shares."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Double, ForeignKeyConstraint, Index, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class ExperimentRow(TenantRow):
    """One run of an experiment. From its start the plan is what its digest says; coverage may rise, and states follow each other."""

    __tablename__ = "experiments"
    __table_args__ = (
        UniqueConstraint("tenant_id", "key", "version"),
        Index("ix_experiments_status", "tenant_id", "status", "layer"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    key: Mapped[str] = mapped_column(KEY)
    version: Mapped[int]
    name: Mapped[str]
    hypothesis: Mapped[str]
    placement: Mapped[str | None] = mapped_column(KEY)
    kind: Mapped[str]
    status: Mapped[str]
    layer: Mapped[str | None] = mapped_column(KEY)
    layer_share: Mapped[float] = mapped_column(Double)
    coverage: Mapped[float] = mapped_column(Double)
    is_sticky: Mapped[bool] = mapped_column(server_default=false())
    plan: Mapped[dict[str, Any]] = mapped_column(Document)
    arms: Mapped[dict[str, Any]] = mapped_column(Document)
    digest: Mapped[str | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    freed_at: Mapped[datetime | None]
    why: Mapped[str | None]
    decided_by: Mapped[str | None]
    decided_arm: Mapped[str | None] = mapped_column(KEY)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(Document)


class ExposureRow(TenantRow):
    """The first time a unit met an experiment. `crossed` counts how often it was seen in another arm later.

    `experiment` names a run, or one of the built-in ones (`programme`, `offer:<rule>`), so it is no foreign key.
    """

    __tablename__ = "experiment_exposures"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_experiment_exposures_customer", "tenant_id", "customer_id"),
    )

    experiment: Mapped[str] = mapped_column(KEY, primary_key=True)
    unit: Mapped[str] = mapped_column(KEY, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    member: Mapped[str | None] = mapped_column(KEY)
    arm: Mapped[str] = mapped_column(KEY)
    at: Mapped[datetime]
    counterfactual: Mapped[bool] = mapped_column(server_default=false())
    propensity: Mapped[float] = mapped_column(Double)
    decision_id: Mapped[str | None] = mapped_column(ID)
    plan: Mapped[str | None] = mapped_column(KEY)
    segment: Mapped[str | None] = mapped_column(KEY)
    crossed: Mapped[int] = mapped_column(server_default="0")


_is_undescribed = ExposureRow.plan.is_(None)  # few are: those of the last minute
Index(
    "ix_experiment_exposures_undescribed",
    ExposureRow.tenant_id,
    ExposureRow.experiment,
    sqlite_where=_is_undescribed,
    postgresql_where=_is_undescribed,
)


class LookRow(TenantRow):
    """What one look at a running experiment found; at most one a day, whole days since the start."""

    __tablename__ = "experiment_looks"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "experiment_id"], ["experiments.tenant_id", "experiments.id"]),
    )

    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    planned: Mapped[int | None]
    units: Mapped[dict[str, int]] = mapped_column(Document)
    facts: Mapped[dict[str, Any]] = mapped_column(Document)


class ShareRow(TenantRow):
    """The shares a bandit gave its arms from an instant on."""

    __tablename__ = "experiment_shares"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "experiment_id"], ["experiments.tenant_id", "experiments.id"]),
    )

    experiment_id: Mapped[str] = mapped_column(ID, primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    shares: Mapped[dict[str, float]] = mapped_column(Document)
