"""What is asked for and what comes back: sums of a measure over customers, and what each customer brought. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

PROGRAMME: Final = "programme"
OFFERED: Final = "offered"
HELD_OUT: Final = "held_out"
PAST_DAYS: Final = 56
"""The days before an exposure whose money says most about the money after it: two months' fees."""
GROUPS: Final = ("segment", "plan", "cohort")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Whose outcomes are added up: those first exposed to `experiment` in [since, until), each for `window_days` (None: up to `until`).

    `tickets` are the types of events by which a customer turns to support.
    """

    since: datetime
    until: datetime
    currency: str
    experiment: str = PROGRAMME
    window_days: int | None = None
    tickets: tuple[str, ...] = ("ticket_opened",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """Sums of one measure over the `n` customers of one arm and group: `y` over `x`, their squares and product; minor units or times."""

    measure: str
    arm: str
    group: str
    n: int
    y: float
    x: float
    yy: float
    xx: float
    xy: float


@dataclass(frozen=True, slots=True)
class Earned:
    """What one customer brought after the first exposure, and in the weeks before it, in whole minor units.

    `sold` is net of tax and credit notes; `lost` was given away or never paid; `fees` went to providers.
    """

    arm: str
    sold: int
    lost: int
    fees: int
    before: int
