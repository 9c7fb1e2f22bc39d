"""Rows of releases, which are never changed, and of the challenger in the shadow, one a task."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Text
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import KEY, TenantRow
from billing.db.columns import Document


class ModelReleaseRow(TenantRow):
    """The `number`-th move of a task's champion: which version, from which, who moved it, why, and the gate's report."""

    __tablename__ = "model_releases"

    task: Mapped[str] = mapped_column(KEY, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[str] = mapped_column(KEY)
    previous: Mapped[str | None] = mapped_column(KEY)
    move: Mapped[str]
    reason: Mapped[str] = mapped_column(Text)
    who: Mapped[str]
    at: Mapped[datetime]
    gate: Mapped[dict[str, Any] | None] = mapped_column(Document)


class ModelShadowRow(TenantRow):
    """The challenger that scores alongside the champion without being served, and how both compared last."""

    __tablename__ = "model_shadows"

    task: Mapped[str] = mapped_column(KEY, primary_key=True)
    version: Mapped[str] = mapped_column(KEY)
    since: Mapped[datetime]
    until: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    compared: Mapped[dict[str, Any]] = mapped_column(Document)
