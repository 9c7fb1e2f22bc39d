"""Who left, as of a moment: without a contract, who ordered nothing in the window; with one, whose subscription ended and stayed ended.

Features see only what is strictly before the moment, the label only what is at or after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.tabular.labels import DAY_US, NEVER_US, Labels, Window, require_equal_length

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.tabular.labels import Longs
    from models.tabular.table import Flags


def label_silence(
    customers: NDArray[Any],
    at_us: Longs,
    *,
    window: Window,
    observed_until_us: int,
    active_within_days: int | None = None,
) -> Labels:
    """Churn without a contract: a customer who ordered before the moment and orders nothing in the window has left.

    One row of the columns is one order. `active_within_days` leaves out who was already gone at the moment: whose last order is older.
    """
    require_equal_length(customers=customers, at_us=at_us)
    window.require_observed(observed_until_us)
    earliest_us = window.as_of_us - active_within_days * DAY_US if active_within_days is not None else -NEVER_US
    known = np.unique(customers[(at_us < window.as_of_us) & (at_us >= earliest_us)])
    returned = np.unique(customers[window.contains(at_us)])
    return Labels(customers=known, label=~np.isin(known, returned), window=window)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spells:
    """Subscriptions as half-open spells, one a row; `ended_us` is `NEVER_US` while one runs, `involuntary` says it ended unpaid."""

    customers: NDArray[Any]
    started_us: Longs
    ended_us: Longs
    involuntary: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractLabels:
    """Churn of subscribers; `involuntary` marks those of the churned whom a failed payment ended, a target of its own."""

    all: Labels
    involuntary: Flags

    @property
    def voluntary(self) -> Labels:
        """The subscribers but those who left involuntarily: whom an offer may still keep."""
        keep = ~self.involuntary
        return Labels(customers=self.all.customers[keep], label=self.all.label[keep], window=self.all.window)

    @property
    def unpaid(self) -> Labels:
        """The subscribers but those who left by choice, and whose cover a failed payment ended: what dunning may still save."""
        keep = ~self.all.label | self.involuntary
        return Labels(customers=self.all.customers[keep], label=self.involuntary[keep], window=self.all.window)


def label_contract(spells: Spells, *, window: Window, observed_until_us: int, grace_days: int = 14) -> ContractLabels:
    """Churn with a contract: covered at the moment, the cover ends in the window and is not resumed within the grace days."""
    require_equal_length(
        customers=spells.customers,
        started_us=spells.started_us,
        ended_us=spells.ended_us,
        involuntary=spells.involuntary,
    )
    window.require_observed(observed_until_us, allowance_days=grace_days)
    held = (spells.started_us < window.as_of_us) & (spells.ended_us >= window.start_us)
    covered = set(spells.customers[held].tolist())
    order = np.lexsort((spells.ended_us, spells.started_us, spells.customers))
    found = [
        (customer, window.start_us <= end_us < window.end_us, involuntary)
        for customer, start_us, end_us, involuntary in _covers(spells, order, grace_days * DAY_US)
        if start_us < window.as_of_us and end_us >= window.start_us and customer in covered
    ]
    label = np.array([churned for _, churned, _ in found], dtype=np.bool_)
    customers = np.array([customer for customer, _, _ in found], dtype=spells.customers.dtype)
    unpaid = np.array([involuntary for _, _, involuntary in found], dtype=np.bool_)
    labels = Labels(customers=customers, label=label, window=window)
    return ContractLabels(all=labels, involuntary=unpaid & label)


def joined(spells: Spells, *, grace_days: int = 14) -> Spells:
    """The spells with pauses of at most the grace days bridged, so that a lapse that was put right is no end."""
    order = np.lexsort((spells.ended_us, spells.started_us, spells.customers))
    found = list(_covers(spells, order, grace_days * DAY_US))
    return Spells(
        customers=np.array([customer for customer, _, _, _ in found], dtype=spells.customers.dtype),
        started_us=np.array([start for _, start, _, _ in found], dtype=np.int64),
        ended_us=np.array([end for _, _, end, _ in found], dtype=np.int64),
        involuntary=np.array([unpaid for _, _, _, unpaid in found], dtype=np.bool_),
    )


def _covers(spells: Spells, order: Longs, grace_us: int) -> Iterator[tuple[Any, int, int, bool]]:
    """Spells of a customer joined where the pause is at most the grace: (customer, start, end, whether the last end was unpaid)."""
    current: tuple[Any, int, int, bool] | None = None
    for row in order.tolist():
        customer = spells.customers[row]
        start_us, end_us = int(spells.started_us[row]), int(spells.ended_us[row])
        unpaid = bool(spells.involuntary[row])
        if current and current[0] == customer and start_us - current[2] <= grace_us:
            if end_us >= current[2]:
                current = (customer, current[1], end_us, unpaid)
            continue
        if current:
            yield current
        current = (customer, start_us, end_us, unpaid)
    if current:
        yield current
