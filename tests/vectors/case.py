"""A case of the vector files, and how its texts become instants, money and exact numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import zone_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = "billing-vectors/1"


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what goes in, what must come out, and the policies it names."""

    id: str
    area: str
    given: Mapping[str, Any]
    expected: Mapping[str, Any]
    policy: str

    @property
    def zone(self) -> str:
        """The zone the case plays in, UTC unless it names one."""
        return str(self.given.get("timezone", "UTC"))

    def moment(self, field: str) -> datetime:
        """The instant of a field of the input."""
        return moment(self.given[field], self.zone)


def load(folder: Path) -> list[Case]:
    """Every case of the billing files of a folder, in the order of the files' names."""
    cases: list[Case] = []
    for path in sorted(folder.glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        if document.get("schema") == SCHEMA:
            cases.extend(_case(entry) for entry in document["vectors"])
    return cases


def moment(text: str, zone: str) -> datetime:
    """An instant in UTC from text: a bare date is local midnight, a time without offset is on the wall of `zone`."""
    parsed = datetime.fromisoformat(text)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=zone_of(zone))).astimezone(UTC)


def plain(value: Any) -> Any:
    """A value in the form that is compared: numbers and decimal strings as exact fractions, other texts as they are."""
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    try:
        return Fraction(str(value))
    except ValueError:
        return value


def _case(entry: Mapping[str, Any]) -> Case:
    policies = [
        str(entry.get("policy", "")),
        str(entry["input"].get("policy", "")),
        str(entry["input"].get("method", "")),
    ]
    return Case(entry["id"], entry["area"], entry["input"], entry["expected"], " ".join(policies))
