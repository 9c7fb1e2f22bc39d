"""Answers to the cases of dunning: how long benefits last after a payment failed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.payments.dunning import Dunning, RetryCalendar, access_until, keeps_access

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

_INSTANT = timedelta(microseconds=1)


def _failed(case: Case) -> Dunning:
    """An invoice whose first payment failed when the case says."""
    fresh = Dunning(invoice_id="inv", customer_id="cus")
    at = case.moment("past_due_at")
    return fresh.failed(at=at, method="pm", code="card_declined", retryable=True, calendar=RetryCalendar())


def _until(case: Case) -> str:
    """The first instant without benefits, which the last one before it still has."""
    dunning, grace = _failed(case), timedelta(days=case.given["grace_days"])
    end = access_until(dunning, grace)
    assert end is not None
    assert keeps_access(dunning, grace, end - _INSTANT)
    assert not keeps_access(dunning, grace, end)
    return end.date().isoformat()


ANSWERS: Mapping[str, Callable[[Case], Any]] = {
    "benefits_until_exclusive": _until,
    "status_meanwhile": lambda case: _failed(case).state.value,
}
