"""Rows of decisions, of what became of them, and of showings: a decision is never updated, a showing only gains what happened to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, false
from sqlalchemy.orm import Mapped, mapped_column

from billing.customers.tables import CustomerRow
from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.db.columns import Document


class DecisionRow(TenantRow):
    """One evaluation: the offer that was made, or the reason that none was and what would have been offered.

    `propensity_ppm` is the chance, in millionths, with which the offer was drawn among those allowed; `expected_minor` what it was
    expected to earn, in minor units of `currency`; `offer` is the document that was answered.
    """

    __tablename__ = "decisions"
    __table_args__ = (
        same_tenant("customer_id", CustomerRow),
        Index("ix_decisions_customer", "tenant_id", "customer_id", "decided_at"),
    )

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    placement: Mapped[str] = mapped_column(KEY)
    target: Mapped[str | None] = mapped_column(KEY)
    target_kind: Mapped[str | None]
    quote_id: Mapped[str | None] = mapped_column(ID)
    message: Mapped[str]
    reason: Mapped[str]
    trace: Mapped[dict[str, Any]] = mapped_column(Document)
    decided_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    member: Mapped[str | None] = mapped_column(KEY)
    rule: Mapped[str | None] = mapped_column(KEY)
    would_target: Mapped[str | None] = mapped_column(KEY)
    is_held_out: Mapped[bool] = mapped_column(server_default=false())
    propensity_ppm: Mapped[int] = mapped_column(server_default="1000000")
    expected_minor: Mapped[int | None]
    currency: Mapped[str | None]
    offer: Mapped[dict[str, Any] | None] = mapped_column(Document)
    experiments: Mapped[list[dict[str, Any]]] = mapped_column(Document, server_default="[]")


class OutcomeRow(TenantRow):
    """What came of a decision; each kind once."""

    __tablename__ = "decision_outcomes"
    __table_args__ = (same_tenant("decision_id", DecisionRow),)

    decision_id: Mapped[str] = mapped_column(ID, primary_key=True)
    kind: Mapped[str] = mapped_column(KEY, primary_key=True)
    at: Mapped[datetime]


class ShowingRow(TenantRow):
    """A place under the caps: reserved when an offer is served, lapsed at `expires_at` unless an impression confirmed it.

    A counterfactual one was never shown: it keeps the pace of those that are held out equal to that of the others. The offer itself can
    be taken until `open_until`, while the subscription is at `revision`.
    """

    __tablename__ = "offer_showings"
    __table_args__ = (
        same_tenant("decision_id", DecisionRow),
        same_tenant("customer_id", CustomerRow),
        Index("ix_offer_showings_customer", "tenant_id", "customer_id", "reserved_at"),
        Index("ix_offer_showings_reserved", "tenant_id", "reserved_at"),
    )

    decision_id: Mapped[str] = mapped_column(ID, primary_key=True)
    customer_id: Mapped[str] = mapped_column(ID)
    member: Mapped[str | None] = mapped_column(KEY)
    target: Mapped[str] = mapped_column(KEY)
    placement: Mapped[str] = mapped_column(KEY)
    rule: Mapped[str | None] = mapped_column(KEY)
    is_counterfactual: Mapped[bool]
    decided_at: Mapped[datetime]
    reserved_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    open_until: Mapped[datetime | None]
    revision: Mapped[int | None]
