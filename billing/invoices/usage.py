"""Reading what drafts rate: the usage of every metered charge, for many customers with few questions to the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.invoices.build import FACTS, metered_charges
from billing.metering.measured import Need
from billing.metering.store import EventStore
from billing.pricing.charge import Needs, Usage
from billing.pricing.context import context_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from billing.db.session import Unit
    from billing.invoices.cards import Cards
    from billing.invoices.invoice import Invoice
    from billing.kernel.period import Period
    from billing.metering.measured import Measured
    from billing.pricing.charge import Charge


class UsageReader:
    """The usage of some drafts, by draft, meter and what a charge needs of it."""

    def __init__(self, unit: Unit) -> None:
        self._events = EventStore(unit)
        self._meters = CatalogStore(unit).meters()
        self._read: dict[tuple[str, str, Need], Measured] = {}

    def read(self, drafts: Iterable[Invoice], cards: Cards) -> None:
        """Read what these drafts close: one question a meter and need, however many customers there are."""
        wanted: dict[tuple[str, Need], dict[str, tuple[str, Period]]] = {}
        for draft in drafts:
            for _, charge in metered_charges(draft, cards):
                if draft.period is not None:
                    spans = wanted.setdefault((charge.meter or "", need_of(charge, draft)), {})
                    spans[draft.id] = (draft.customer_id, draft.period)
        for (meter_key, need), spans in wanted.items():
            for layer in _layers(spans):
                found = self._events.measure_many(self._meters[meter_key], need, dict(layer.values()))
                self._read.update(
                    ((draft_id, meter_key, need), found[customer]) for draft_id, (customer, _) in layer.items()
                )

    def of(self, draft: Invoice) -> Callable[[Charge], Usage]:
        """What a charge of this draft rates."""

        def usage(charge: Charge) -> Usage:
            found = self._read[draft.id, charge.meter or "", need_of(charge, draft)]
            return Usage(quantity=found.quantity, values=found.values, groups=found.groups, hours=found.hours)

        return usage


def need_of(charge: Charge, draft: Invoice) -> Need:
    """What of a period's usage a charge reads for this draft, by whose zone hours go."""
    return need_in_zone(charge, context_from(draft.summary.get(FACTS)).zone)


def need_in_zone(charge: Charge, zone: str) -> Need:
    """What of a period's usage a charge reads; its hours are those of `zone`."""
    if charge.reads_hours:
        return Need(zone_of_hours=zone)
    if charge.model.needs is Needs.EVENTS:
        return Need(values=True)
    if charge.model.needs is Needs.GROUPS:
        return Need(dimensions=tuple(getattr(charge.model, "dimensions", ())))
    return Need()


def _layers(spans: dict[str, tuple[str, Period]]) -> list[dict[str, tuple[str, Period]]]:
    """The spans in groups in which a customer stands once: two drafts of one customer are read one after the other."""
    layers: list[dict[str, tuple[str, Period]]] = []
    seen: list[set[str]] = []
    for draft_id, (customer, period) in spans.items():
        place = next((place for place, customers in enumerate(seen) if customer not in customers), len(seen))
        if place == len(seen):
            layers.append({})
            seen.append(set())
        layers[place][draft_id] = (customer, period)
        seen[place].add(customer)
    return layers
