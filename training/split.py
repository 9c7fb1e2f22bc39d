"""Which rows are for learning, calibrating and judging, so that the future never teaches the past and nobody is on both sides of a draw.

By time where there are several moments: each later part starts only when the label windows of the part before have closed (the purge gap).
By customer where there is one moment, or inside the learning part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Longs = NDArray[np.int64]
    Places = NDArray[np.int64]

DAY_US = 86_400_000_000


class SplitError(InvalidError):
    """The rows cannot be parted as asked."""

    code = "invalid_split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Row numbers of the three parts, disjoint; `purged` counts rows left out so that no label window overlaps a later part."""

    train: Places
    calibrate: Places
    validate: Places
    purged: int
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """When to compute features for each part, in microseconds; `calibrate_us` is None where customers are set aside instead."""

    train_us: tuple[int, ...]
    calibrate_us: int | None
    validate_us: int
    horizon_days: int

    @property
    def all_us(self) -> tuple[int, ...]:
        """Every moment, in order."""
        middle = () if self.calibrate_us is None else (self.calibrate_us,)
        return (*self.train_us, *middle, self.validate_us)


def plan_moments(
    first_us: int, observed_until_us: int, *, horizon_days: int, history_days: int = 30, most_train: int = 4
) -> Moments | None:
    """The moments that the observed time allows, latest last, or None if even one horizon after `history_days` does not fit.

    The last moment's window ends where observation does. With four horizons there is a moment of its own for calibration; with less, one
    learning moment (or the last itself) is shared by customers.

    >>> day = 86_400_000_000
    >>> [moment // day for moment in plan_moments(0, 400 * day, horizon_days=90).all_us]
    [40, 85, 130, 220, 310]
    """
    horizon_us, step_us = horizon_days * DAY_US, max(horizon_days // 2, 1) * DAY_US
    validate_us = observed_until_us - horizon_us
    earliest_us = first_us + history_days * DAY_US
    if validate_us < earliest_us:
        return None
    calibrate_us = validate_us - horizon_us
    latest_train_us = calibrate_us - horizon_us
    if latest_train_us < earliest_us:
        latest_train_us, calibrated_us = calibrate_us, None
    else:
        calibrated_us = calibrate_us
    train = [latest_train_us - number * step_us for number in range(most_train)]
    kept = tuple(sorted(moment for moment in train if moment >= earliest_us))
    return Moments(train_us=kept, calibrate_us=calibrated_us, validate_us=validate_us, horizon_days=horizon_days)


def split_by_time(
    as_of_us: Longs, customers: NDArray[Any], *, moments: Moments, rng: np.random.Generator, gap_days: int = 0
) -> Split:
    """The parts of rows computed at the plan's moments; rows whose label window reaches into a later part are purged.

    Without a moment for calibration, a quarter of the learning part's customers are set aside for it; without one for learning
    (a short history), the one moment's customers are shared out 60 : 20 : 20.
    """
    if not moments.train_us:
        only = np.flatnonzero(as_of_us == moments.validate_us)
        return _within(only, split_by_customer(customers[only], rng=rng), as_of_us.size - only.size)
    reach_us = (moments.horizon_days + gap_days) * DAY_US
    validate = np.flatnonzero(as_of_us == moments.validate_us)
    if moments.calibrate_us is not None:
        learn = np.flatnonzero(as_of_us + reach_us <= moments.calibrate_us)
        middle = np.flatnonzero((as_of_us == moments.calibrate_us) & (as_of_us + reach_us <= moments.validate_us))
        how = (
            "by time: learning, calibration and validation follow each other, each label window closed before the next"
        )
    else:
        past = np.flatnonzero(as_of_us + reach_us <= moments.validate_us)
        aside = _set_aside(customers[past], 0.25, rng)
        learn, middle = past[~aside], past[aside]
        how = "by time; a quarter of the learning part's customers are set aside for calibration"
    used = learn.size + middle.size + validate.size
    return Split(train=learn, calibrate=middle, validate=validate, purged=int(as_of_us.size - used), how=how)


def split_by_customer(
    customers: NDArray[Any], *, rng: np.random.Generator, shares: tuple[float, float] = (0.6, 0.2)
) -> Split:
    """Whole customers drawn into learning and calibration by these shares, the rest into validation."""
    if min(shares) <= 0 or sum(shares) >= 1:
        raise SplitError("shares are above 0 and leave something to judge by", shares=shares)
    distinct, code = np.unique(customers, return_inverse=True)
    place = rng.permutation(distinct.size)[code]
    first, second = round(shares[0] * distinct.size), round(sum(shares) * distinct.size)
    return Split(
        train=np.flatnonzero(place < first),
        calibrate=np.flatnonzero((place >= first) & (place < second)),
        validate=np.flatnonzero(place >= second),
        purged=0,
        how="by customer at one moment, since the history is too short to part by time",
    )


def customer_folds(customers: NDArray[Any], *, folds: int, rng: np.random.Generator) -> Iterator[tuple[Places, Places]]:
    """(learning rows, judging rows) of each fold; every customer is judged once and never on both sides."""
    distinct, code = np.unique(customers, return_inverse=True)
    if not 2 <= folds <= distinct.size:
        raise SplitError("every fold needs a customer", folds=folds, customers=distinct.size)
    fold_of = (rng.permutation(distinct.size) % folds)[code]
    for fold in range(folds):
        yield np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)


def _set_aside(customers: NDArray[Any], share: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    distinct, code = np.unique(customers, return_inverse=True)
    return np.asarray(rng.permutation(distinct.size)[code] < round(share * distinct.size))


def _within(rows: Places, split: Split, purged: int) -> Split:
    return Split(
        train=rows[split.train],
        calibrate=rows[split.calibrate],
        validate=rows[split.validate],
        purged=purged,
        how=split.how,
    )
