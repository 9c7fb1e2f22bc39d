"""The outcome of customers within a window that begins at the moment the features were computed for.

Features see what is strictly before `as_of_us`; the window is half-open, [as_of + gap, as_of + gap + horizon), so nothing can be on both
sides. A window that is not wholly observed yet is refused, since silence in it proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import ConflictError, InvalidError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.tabular.table import Flags

    Longs = NDArray[np.int64]

DAY_US = 86_400_000_000
NEVER_US = np.iinfo(np.int64).max


class LabelWindowError(ConflictError):
    """The window in which the outcome would show has not passed yet."""

    code = "label_window_open"


class LabelInputError(InvalidError):
    """The columns of a history do not belong together."""

    code = "invalid_label_input"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Where an outcome is looked for; microseconds since 1970 in UTC, start included, end excluded."""

    as_of_us: int
    start_us: int
    end_us: int

    @classmethod
    def after(cls, as_of_us: int, *, horizon_days: int, gap_days: int = 0) -> Window:
        """The window of `horizon_days` that begins `gap_days` after the moment."""
        if horizon_days <= 0 or gap_days < 0:
            raise LabelInputError("a window looks ahead", horizon_days=horizon_days, gap_days=gap_days)
        start_us = as_of_us + gap_days * DAY_US
        return cls(as_of_us=as_of_us, start_us=start_us, end_us=start_us + horizon_days * DAY_US)

    def contains(self, at_us: Longs) -> Flags:
        """Which moments lie in the window."""
        return (at_us >= self.start_us) & (at_us < self.end_us)

    def require_observed(self, observed_until_us: int, *, allowance_days: int = 0) -> None:
        """Refuses the window if what happened is not known up to its end and the allowance for late news."""
        needed_us = self.end_us + allowance_days * DAY_US
        if observed_until_us < needed_us:
            raise LabelWindowError(
                "the outcome window has not passed yet; use an earlier moment or a shorter horizon",
                as_of_us=self.as_of_us,
                needed_until_us=needed_us,
                observed_until_us=observed_until_us,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The customers who could have the outcome, sorted, and whether they had it."""

    customers: NDArray[Any]
    label: Flags
    window: Window

    @property
    def rate(self) -> float:
        """The share with the outcome; 0 for nobody."""
        return float(self.label.mean()) if self.label.size else 0.0


def require_equal_length(**columns: NDArray[Any]) -> None:
    """Refuses columns that are not equally long, naming each length."""
    if len({column.size for column in columns.values()}) > 1:
        raise LabelInputError(
            "the columns of a history must be equally long", **{name: column.size for name, column in columns.items()}
        )
