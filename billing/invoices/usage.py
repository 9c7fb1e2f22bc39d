"""Reading what drafts rate: the quantities of every metered charge, for many customers with few questions to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.build import metered_charges
from billing.metering.store import EventStore
from billing.pricing.charge import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from billing.db.session import Unit
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice
    from billing.pricing.charge import Charge


class UsageReader:
    """The usage of some drafts, by draft and meter."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._meters = CatalogStore(unit).meters()
        self._read: dict[tuple[str, str], Usage] = {}

    def read(self, drafts: Iterable[Invoice], cards: Cards) -> None:
        """Read what these drafts close."""
        for draft in drafts:
            for _, charge in metered_charges(draft, cards):
                meter = self._meters[charge.meter or ""]
                if draft.period is not None and (draft.id, meter.key) not in self._read:
                    found = EventStore(self._unit).quantity(draft.customer_id, meter, draft.period)
                    self._read[draft.id, meter.key] = Usage(found)

    def of(self, draft: Invoice) -> Callable[[Charge], Usage]:
        """What a charge of this draft rates."""
        return lambda charge: self._read[draft.id, charge.meter or ""]
