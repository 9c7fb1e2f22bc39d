"""Check: no usage period of a subscription is billed twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.invoices.audit_store import InvoiceAudit
from billing.revenue.check.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Unit


def check(unit: Unit) -> Iterator[Finding]:
    """Invoices whose usage period begins before an earlier one of their subscription ends; void ones bill nothing."""
    for invoice, subscription, start, until in InvoiceAudit(unit).overlapping():
        yield Finding(
            code="period_billed_twice",
            sentence=f"the usage of {subscription} from {start:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC is billed twice",
            ids=(invoice, subscription),
        )
