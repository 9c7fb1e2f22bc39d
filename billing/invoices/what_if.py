"""What a charge would rate if some events happened: they are measured as the billing run measures those that did. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.invoices.usage import need_in_zone
from billing.kernel.errors import InvalidError
from billing.metering.measured import measure
from billing.metering.reading import Reading, passes
from billing.pricing.charge import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.kernel.period import Period
    from billing.pricing.charge import Charge

_GIVEN = "quantity"


class WhatIfError(InvalidError):
    """Events that belong to no charge, or to one in two ways."""

    code = "invalid_preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class WhatIf:
    """An event that has not happened: of a `type` that meters count, or `quantity` units of the charge or meter named `key`."""

    at: datetime
    key: str = ""
    type: str = ""
    quantity: Decimal = Decimal(1)
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if bool(self.key) == bool(self.type):
            raise WhatIfError("an event has either the key of a charge or meter, or an event type", field="events")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What is supposed: events, the shop's meters by key, the zone whose hours count, and the period of levels."""

    events: Sequence[WhatIf] = ()
    meters: Mapping[str, Meter] = field(default_factory=dict, hash=False)
    zone: str = "UTC"
    hour: int | None = None
    period: Period | None = None

    def of(self, charge: Charge) -> tuple[WhatIf, ...]:
        """The events that a charge counts."""
        return tuple(event for event in self.events if self._counts(charge, event))

    def usage(self, charge: Charge, quantity: Decimal) -> Usage:
        """What the charge rates: its events if it counts any, else the quantity, all of it at `hour` where one is given."""
        found = self.of(charge)
        if not found:
            return Usage(quantity, hours={} if self.hour is None else {self.hour: quantity})
        meter, prop = self._meter_of(charge, found)
        readings = [
            Reading(event.at, ("", f"{place:06d}"), self._value(event, prop), event.properties)
            for place, event in enumerate(found)
        ]
        measured = measure(meter, readings, need_in_zone(charge, self.zone), self.period)
        return Usage(measured.quantity, measured.values, measured.groups, measured.hours)

    def check(self, charges: Sequence[Charge]) -> None:
        """Refuse an event that no charge counts: it would be left out silently."""
        lost = next((event for event in self.events if not any(self._counts(each, event) for each in charges)), None)
        if lost is not None:
            name = lost.key or lost.type
            raise WhatIfError(f"no charge here counts {name[:60]!r}", field="events", event=name[:200])

    def _counts(self, charge: Charge, event: WhatIf) -> bool:
        if charge.meter is None:
            return False
        if event.key:
            return event.key in {charge.key, charge.meter}
        meter = self.meters.get(charge.meter)
        return meter is not None and meter.event_type == event.type and passes(meter, event.properties)

    def _meter_of(self, charge: Charge, found: tuple[WhatIf, ...]) -> tuple[Meter, str | None]:
        """The shop's own meter for events by type; one that adds the quantities up for events by key."""
        if len({bool(event.key) for event in found}) > 1:
            raise WhatIfError(f"the events of {charge.key!r} have keys, or types; not both", field="events")
        if found[0].type:
            meter = self.meters[charge.meter or ""]
            return meter, meter.prop
        known = self.meters.get(charge.meter or "")
        groups = known.groups if known is not None else tuple(getattr(charge.model, "dimensions", ()))
        adding = Meter(
            key=charge.meter or "",
            name=charge.name,
            event_type="",
            aggregation=Aggregation.SUM,
            prop=_GIVEN,
            groups=groups,
        )
        return adding, None

    def _value(self, event: WhatIf, prop: str | None) -> Any:
        return event.quantity if event.key else event.properties.get(prop or "")
