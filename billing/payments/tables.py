"""Rows of payments."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from billing.db.base import ID, KEY, TenantRow, same_tenant
from billing.invoices.tables import InvoiceRow


class PaymentRow(TenantRow):
    """Money received for an invoice; `reference` is the payer's or provider's own name for it."""

    __tablename__ = "payments"
    __table_args__ = (same_tenant("invoice_id", InvoiceRow), UniqueConstraint("tenant_id", "reference"))

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    invoice_id: Mapped[str] = mapped_column(ID)
    reference: Mapped[str] = mapped_column(KEY)
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_at: Mapped[datetime]
