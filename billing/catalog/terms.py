"""The terms of a plan version besides its charges: trial, phases, spending limits, thresholds, seats, tax class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTerms:
    """`minimum` and `maximum` a period, `thresholds` of progressive billing and spend `alerts`, all in major units."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    thresholds: tuple[Decimal, ...] = ()
    alerts: tuple[Decimal, ...] = ()
    tax_class: str = "standard"
    tax_inclusive: bool = False


PLAIN = PlanTerms()
