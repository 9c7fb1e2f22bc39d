"""Everybody in this process who keeps copies and is told when they are stale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving.gate.bus import Hearer


@dataclass(frozen=True, slots=True)
class Hearers:
    """One hearer made of several."""

    each: Sequence[Hearer]

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """These customers (by id; None for all of the tenant) changed."""
        for hearer in self.each:
            hearer.forget(tenant_id, customers)

    def forget_everything(self) -> None:
        """Something may have been missed."""
        for hearer in self.each:
            hearer.forget_everything()
