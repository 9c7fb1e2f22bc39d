"""What a price may depend on besides the usage: who buys, from where, what they promised, and which arm of an experiment they are in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.kernel.money import format_quantity, parse_decimal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PricingContext:
    """The facts that declared price rules read; what is not known matches no rule.

    `segments` are the keys of segments the customer is in, `arms` the arm by experiment, `committed` the least they promised to spend in a
    period (major units), `zone` the IANA zone whose hours time-of-day rules mean.
    """

    segments: frozenset[str] = frozenset()
    country: str = ""
    region: str = ""
    committed: Decimal | None = None
    arms: Mapping[str, str] = field(default_factory=dict, hash=False)
    zone: str = "UTC"

    def to_document(self) -> dict[str, Any]:
        """The JSON form, without what is not known; `context_from` reads it back."""
        document: dict[str, Any] = {
            "segments": sorted(self.segments),
            "country": self.country,
            "region": self.region,
            "committed": None if self.committed is None else format_quantity(self.committed),
            "experiments": dict(self.arms),
            "zone": "" if self.zone == "UTC" else self.zone,
        }
        return {name: value for name, value in document.items() if value}


NO_CONTEXT = PricingContext()
"""Nobody in particular: every price is its base price."""


def context_from(document: Mapping[str, Any] | None) -> PricingContext:
    """The facts from their JSON form; nothing known from none."""
    if not document:
        return NO_CONTEXT
    committed = document.get("committed")
    return PricingContext(
        segments=frozenset(document.get("segments", ())),
        country=document.get("country", ""),
        region=document.get("region", ""),
        committed=None if committed is None else parse_decimal(committed),
        arms=dict(document.get("experiments", {})),
        zone=document.get("zone", "UTC"),
    )
