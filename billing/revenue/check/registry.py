"""Every check of the books by its name; a new one is a file and a line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.revenue.check import (
    deferred,
    invoices,
    notes,
    payments,
    periods,
    postings,
    receivables,
    recurring,
    series,
    usage,
    wallets,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.revenue.check.finding import Check

CHECKS: Mapping[str, Check] = {
    "postings": postings.check,
    "invoices": invoices.check,
    "credit_notes": notes.check,
    "numbers": series.check,
    "periods": periods.check,
    "payments": payments.check,
    "receivables": receivables.check_receivable,
    "credit": receivables.check_credit,
    "wallets": wallets.check,
    "recurring": recurring.check,
    "deferred": deferred.check,
    "usage": usage.check,
}
