"""What carrying out runs needs of an installation: handed in by the shells, so that nothing here asks for a clock or a setting."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime
    from pathlib import Path

    from billing.db.session import Database, Unit
    from models.registry.port import Registry
    from models.tabular.boosted import Boosted


class OpenRegistry(Protocol):
    """Opens the registry for one mover; `guard` is called in each move's transaction and may refuse it."""

    def __call__(self, who: str, guard: Callable[[Unit], object]) -> Registry:
        """The registry."""


def nobody_erased(_unit: Unit) -> Collection[str]:
    """Where nothing is known of erasures."""
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """`clock` is the machine's time, which leases are measured by; `owner` names this worker; `life` is how long it may be silent.

    `pace_seconds` is how often progress is written at most, `beat_seconds` how often the lease is renewed while a step takes long.
    """

    database: Database
    home: Path
    open_registry: OpenRegistry
    clock: Callable[[], datetime]
    owner: str
    erased: Callable[[Unit], Collection[str]] = nobody_erased
    life: timedelta = timedelta(minutes=2)
    pace_seconds: float = 0.5
    beat_seconds: float = 20.0
    grow: Callable[..., Boosted] | None = None
    again_after: timedelta = field(default=timedelta(days=7))
