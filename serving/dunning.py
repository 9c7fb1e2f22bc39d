"""By which rules unpaid invoices are asked for, and what they do to access: from the settings to billing."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from billing.payments.collection_store import DunningStore
from billing.payments.dunning import DunningPolicy, RetryCalendar, Terminal, access_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Unit
    from serving.settings import Settings


def policy_of(settings: Settings) -> DunningPolicy:
    """The installation's rules of dunning."""
    days = [int(part) for part in settings.dunning_retry_days.split(",") if part]
    return DunningPolicy(
        calendar=RetryCalendar.days(*days),
        grace=timedelta(days=settings.dunning_grace_days),
        terminal=Terminal(settings.dunning_terminal),
    )


def access_reader(settings: Settings, unit: Unit) -> Callable[[str], datetime | None]:
    """When a customer (by id) may use nothing more because of what they owe; None while they owe nothing."""
    grace = policy_of(settings).grace

    def ends(customer_id: str) -> datetime | None:
        late = DunningStore(unit).past_due_of([customer_id]).get(customer_id)
        return None if late is None else access_until(late, grace)

    return ends
