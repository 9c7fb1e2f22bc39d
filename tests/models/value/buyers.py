"""Buyers whose process is known: BG/NBD drawn as the paper tells it, and the CDNOW sample where it is at hand."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from models.value.orders import Orders
from tests.data_files import data_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

CDNOW_CUT = (date(1997, 10, 1) - date(1970, 1, 1)).days


def simulate_bgnbd(
    r: float, alpha: float, a: float, b: float, *, customers: int, days: int, join_days: int, seed: int
) -> Orders:
    """Orders of customers who join in the first days; alpha is in days, every amount 1,000."""
    rng = np.random.default_rng(seed)
    rates = rng.gamma(r, 1 / alpha, customers)
    leaves = rng.beta(a, b, customers) if a > 0 else np.zeros(customers)
    who, when = [], []
    for customer in range(customers):
        at = float(rng.integers(0, join_days))
        who.append(customer)
        when.append(int(at))
        while True:
            at += rng.exponential(1 / max(rates[customer], 1e-12))
            if at >= days:
                break
            who.append(customer)
            when.append(int(at))
            if rng.random() < leaves[customer]:
                break
    return Orders.of(np.array(who), np.array(when, dtype=np.int64), np.full(len(who), 1000, dtype=np.int64))


def cdnow_histories() -> NDArray[np.float64] | None:
    """Shape (2357, 3): frequency, recency and age in weeks of the sample's calibration; None where the file is not at hand."""
    path = data_file("cdnow/CDNOW_sample.txt")
    if path is None:
        return None
    who, when = [], []
    for line in path.read_text().splitlines():
        parts = line.split()
        who.append(parts[0])
        text = parts[2]
        when.append((date(int(text[:4]), int(text[4:6]), int(text[6:])) - date(1970, 1, 1)).days)
    orders = Orders.of(np.array(who), np.array(when, dtype=np.int64), np.ones(len(who), dtype=np.int64))
    known = orders.before(CDNOW_CUT).histories_at(CDNOW_CUT).scaled(7.0)
    return np.column_stack([known.frequency, known.recency, known.age])
