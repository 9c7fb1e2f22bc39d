"""What a box is and what it is filled from: the plan that delivers it, the shelf of a period, and the period itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.kernel.money import Money

MOST_SLOTS = 20
MOST_ITEMS = 2_000
MOST_STOCK = 10**9
MOST_DELIVERIES = 60
MOST_APART = 24
_WHOLE_BPS = 10_000
_PERIOD = re.compile(r"[a-z0-9][a-z0-9_.-]{0,59}")


class BoxPlanError(InvalidError):
    """A box plan, a shelf or a period that cannot be."""

    code = "invalid_box_plan"


class BoxPlanNotFoundError(NotFoundError):
    """No such box plan of this tenant."""

    code = "box_plan_not_found"


class PeriodNotFoundError(NotFoundError):
    """No shelf was put up for this period."""

    code = "box_period_not_found"


class PeriodClosedError(ConflictError):
    """The cut-off is over, or the shelf was given out already."""

    code = "box_period_closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPlan:
    """What subscribers of the plan `key` are delivered: `slots` items of these `categories` (of all where none is named).

    At most `most_of_category` of one, none that was in the last `apart` boxes. What the items cost is at most the plan's price a period,
    shared over `deliveries` of it, less `margin_floor_bps` (1/100 of a percent).
    """

    key: str
    slots: int
    categories: tuple[str, ...] = ()
    most_of_category: int = 2
    margin_floor_bps: int = 3_000
    deliveries: int = 1
    apart: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.slots <= MOST_SLOTS:
            raise BoxPlanError(f"a box has 1 to {MOST_SLOTS} items", field="slots")
        if not 1 <= self.most_of_category <= MOST_SLOTS:
            raise BoxPlanError(f"a box holds 1 to {MOST_SLOTS} items of a category", field="most_of_category")
        if not 0 <= self.margin_floor_bps < _WHOLE_BPS:
            raise BoxPlanError("a margin floor is at least 0 and below 10000 basis points", field="margin_floor_bps")
        if not 1 <= self.deliveries <= MOST_DELIVERIES:
            raise BoxPlanError(f"a period has 1 to {MOST_DELIVERIES} deliveries", field="deliveries")
        if not 0 <= self.apart <= MOST_APART:
            raise BoxPlanError(f"an item is kept out of the next 0 to {MOST_APART} boxes", field="apart")

    def budget_minor(self, price: Money) -> int:
        """What the items of a box may cost at most, at this price a period: rounded down, so that the floor holds.

        >>> from billing.kernel.money import Money
        >>> BoxPlan(key="box", slots=3, margin_floor_bps=3_333).budget_minor(Money(1_000, "EUR"))
        666
        """
        return price.amount_minor * (_WHOLE_BPS - self.margin_floor_bps) // (_WHOLE_BPS * self.deliveries)

    def to_document(self) -> dict[str, Any]:
        """What `box_plan_from` reads back."""
        return {
            "slots": self.slots,
            "categories": list(self.categories),
            "most_of_category": self.most_of_category,
            "margin_floor_bps": self.margin_floor_bps,
            "deliveries": self.deliveries,
            "apart": self.apart,
        }


def box_plan_from(key: str, document: Mapping[str, Any]) -> BoxPlan:
    """A box plan from its document."""
    return BoxPlan(key=key, **{**document, "categories": tuple(document["categories"])})


class PeriodState(Enum):
    """Whether a period's boxes were chosen."""

    OPEN = "open"
    CHOSEN = "chosen"


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxPeriod:
    """A period by its key, such as `2026-12`: boxes are chosen from `choose_at` on and may be changed until `cut_off`.

    `revision` rises with every change of the shelf, so that nothing is published that was chosen from another one; `chosen_at` is when
    subscribers without a box were last looked for.
    """

    key: str
    currency: str
    choose_at: datetime
    cut_off: datetime
    state: PeriodState = PeriodState.OPEN
    revision: int = 1
    chosen_at: datetime | None = None

    def __post_init__(self) -> None:
        if not _PERIOD.fullmatch(self.key):
            raise BoxPlanError(
                "a period's key has 1 to 60 small letters, digits, dots and dashes, such as 2026-12", field="period"
            )
        if self.choose_at >= self.cut_off:
            raise BoxPlanError("boxes are chosen before the cut-off", field="cut_off")

    def check_open(self, now: datetime) -> None:
        """Refuse what comes after the cut-off."""
        if now >= self.cut_off:
            raise PeriodClosedError(
                "the cut-off is over: these boxes are being packed; the next ones can be changed", period=self.key
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ShelfItem:
    """An item of a period: what one costs the shop, how many there were, and how many are `left`."""

    item: str
    name: str
    category: str
    cost_minor: int
    stock: int
    left: int

    def __post_init__(self) -> None:
        if not 0 <= self.stock <= MOST_STOCK or self.cost_minor < 0:
            raise BoxPlanError(f"stock is 0 to {MOST_STOCK}, and a cost is not negative", item=self.item[:200])
