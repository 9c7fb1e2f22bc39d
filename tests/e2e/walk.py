"""The shop that the journey walks through: an installation with a tenant, its keys, its files, and who shops there."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from models.offers.holdout import is_held_out

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.client import Client
    from tests.e2e.installation import Installation

ORIGIN = "https://shop.example"
CUSTOMERS, DAYS, SEED = 300, 240, 7
OPENED = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=DAYS, hours=8)
"""Where the tenant's clock stands at first: eight hours after the last simulated day, so that the files are its past."""


@dataclass(frozen=True)
class Walk:
    """One tenant, and how it is reached from outside."""

    installation: Installation
    client: Client
    address: str
    tenant: str
    publishable_key: str
    files: Path

    def rows(self, name: str) -> Iterator[dict[str, str]]:
        """The rows of one of the simulation's files."""
        with (self.files / name).open(encoding="utf-8", newline="") as file:
            yield from csv.DictReader(file)

    def at(self, moment: datetime) -> dict[str, Any]:
        """Move the tenant's clock; everything that falls due on the way is billed."""
        moved: dict[str, Any] = self.client.post("/v1/test-clock", {"advance_to": moment.isoformat()})
        return moved

    def command(self, *arguments: str | Path) -> Any:
        """A command about this tenant."""
        return self.installation.ask(*arguments, "--tenant", self.tenant)

    @cached_property
    def owned(self) -> dict[str, set[str]]:
        """What each customer has bought."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for row in self.rows("purchases.csv"):
            found[row["customer"]].add(row["item"])
        return dict(found)

    @cached_property
    def favourite(self) -> str:
        """The item that was bought most often."""
        return Counter(row["item"] for row in self.rows("purchases.csv")).most_common(1)[0][0]

    @cached_property
    def shopper(self) -> str:
        """The customer with the widest taste who may see offers."""
        return max(
            (key for key in self.owned if not self.is_held_out(key)), key=lambda key: (len(self.owned[key]), key)
        )

    @cached_property
    def held_out(self) -> str:
        """A customer who may not; one of those who shop if there is one, else somebody new."""
        strangers = (f"guest-{number}" for number in count())
        return next(key for keys in (sorted(self.owned), strangers) for key in keys if self.is_held_out(key))

    def is_held_out(self, customer: str) -> bool:
        """Whether this customer is one of the five in a hundred who see no offers."""
        return is_held_out(self.tenant, customer)
