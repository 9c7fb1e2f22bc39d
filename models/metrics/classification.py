"""How good probabilities of an outcome are: their order (AUC, PR-AUC, lift), their cost (log loss, Brier) and their honesty (ECE).

Labels are booleans, probabilities lie in (0, 1), both of shape (rows,). Intervals draw whole customers, since rows of one customer are
not independent; paired differences are oriented so that above zero means the first model is better.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError
from models.metrics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

_EDGE = 1e-15
BINS = 10


class OneClassError(InvalidError):
    """Order cannot be judged where every row has the same outcome."""

    code = "one_class"


def auc(label: Flags, probability: Floats) -> float:
    """The chance that a row with the outcome scores above one without; ties count half.

    >>> auc(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1]))
    0.75
    """
    _both_outcomes(label)
    _, place, counts = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts - 1) / 2
    cases = int(label.sum())
    above = middle[place][label].sum() - cases * (cases + 1) / 2
    return float(above / (cases * (label.size - cases)))


def pr_auc(label: Flags, probability: Floats) -> float:
    """Average precision: the mean, over rows with the outcome, of the share of outcomes among all that score at least as high.

    >>> round(pr_auc(np.array([True, False, True, False]), np.array([0.9, 0.8, 0.7, 0.1])), 4)
    0.8333
    """
    _both_outcomes(label)
    _, place, counts = np.unique(-probability, return_inverse=True, return_counts=True)
    hits = np.bincount(place, weights=label)
    return float(hits @ (np.cumsum(hits) / np.cumsum(counts)) / hits.sum())


def row_log_loss(label: Flags, probability: Floats) -> Floats:
    """Shape (rows,): the negative logarithm of the probability given to what happened.

    >>> row_log_loss(np.array([True, False]), np.array([0.5, 0.5])).round(4).tolist()
    [0.6931, 0.6931]
    """
    return np.asarray(-np.log(np.clip(np.where(label, probability, 1 - probability), _EDGE, 1.0)))


def log_loss(label: Flags, probability: Floats) -> float:
    """The mean of `row_log_loss`; the gate's measure, since only the true probability makes it least.

    >>> round(log_loss(np.array([True, False]), np.array([0.5, 0.5])), 4)
    0.6931
    """
    return float(row_log_loss(label, probability).mean())


def brier(label: Flags, probability: Floats) -> float:
    """The mean squared distance between probability and outcome.

    >>> round(brier(np.array([True, False]), np.array([0.8, 0.4])), 3)
    0.1
    """
    return float(np.mean((probability - label) ** 2))


def ece10(label: Flags, probability: Floats) -> float:
    """Expected calibration error: over ten equally wide bins, the mean gap between promised and found rate, weighted by rows.

    >>> round(ece10(np.array([True, False, False, False]), np.array([0.95, 0.25, 0.25, 0.25])), 3)
    0.2
    """
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    gap = np.bincount(bins, weights=probability - label, minlength=BINS)
    return float(np.abs(gap).sum() / label.size)


def lift(label: Flags, probability: Floats, share: float = 0.1) -> float:
    """The outcome's rate among the highest-scored `share` of rows over its rate among all; rows tied at the edge count in part.

    >>> lift(np.arange(10) < 2, np.linspace(0.9, 0.1, 10), share=0.1)
    5.0
    """
    _both_outcomes(label)
    wanted = max(1, round(share * label.size))
    edge = np.sort(probability)[-wanted]
    above, tied = probability > edge, probability == edge
    hits = label[above].sum() + label[tied].mean() * (wanted - above.sum())
    return float(hits / wanted / label.mean())


def calibration_noise(probability: Floats, *, rng: np.random.Generator, draws: int = 200, level: float = 0.95) -> float:
    """The ECE that perfectly honest probabilities stay under in `level` of all samples of this size.

    A small sample has a large ECE by chance alone (about .07 for 200 rows), so an observed one is judged against this.
    """
    found = [ece10(rng.random(probability.size) < probability, probability) for _ in range(draws)]
    return float(np.quantile(found, level))


def calibration_floor(probability: Floats, *, rng: np.random.Generator, draws: int = 200) -> float:
    """The mean ECE of perfectly honest probabilities in samples of this size: an observed one below it is luck, not honesty."""
    return float(np.mean([ece10(rng.random(probability.size) < probability, probability) for _ in range(draws)]))


def log_loss_lead(
    label: Flags, ours: Floats, theirs: Floats, *, customers: NDArray[Any], rng: np.random.Generator, draws: int = 1000
) -> Interval:
    """Their mean log loss less ours on the same rows, with a 95 % interval over customers; above zero, ours is better.

    >>> label, good, flat = np.array([True, False]), np.array([0.8, 0.2]), np.array([0.5, 0.5])
    >>> lead = log_loss_lead(label, good, flat, customers=np.array(["a", "b"]), rng=np.random.default_rng(0))
    >>> round(lead.mean, 3), round(lead.low, 3)
    (0.47, 0.47)
    """
    gain = row_log_loss(label, theirs) - row_log_loss(label, ours)
    _, code = np.unique(customers, return_inverse=True)
    total, rows = np.bincount(code, weights=gain), np.bincount(code).astype(np.float64)
    means = np.empty(draws)
    for draw in range(draws):
        chosen = rng.integers(0, total.size, total.size)
        means[draw] = total[chosen].sum() / rows[chosen].sum()
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(mean=float(gain.mean()), low=float(low), high=float(high))


METRICS: dict[str, Callable[[Flags, Floats], float]] = {
    "auc": auc,
    "pr_auc": pr_auc,
    "log_loss": log_loss,
    "brier": brier,
    "ece10": ece10,
    "lift_at_10_percent": lift,
}


def metric_lead(
    name: str, label: Flags, first: Floats, second: Floats, *, rng: np.random.Generator, draws: int = 200
) -> Interval:
    """A metric of the first model less that of the second on the same rows, one row a customer, with a paired 95 % interval."""
    metric = METRICS[name]
    found = []
    for _ in range(draws):
        rows = rng.integers(0, label.size, label.size)
        if 0 < label[rows].sum() < label.size:
            found.append(metric(label[rows], first[rows]) - metric(label[rows], second[rows]))
    return _interval(metric(label, first) - metric(label, second), found)


def describe(
    label: Flags, probability: Floats, *, customers: NDArray[Any], rng: np.random.Generator, draws: int = 100
) -> dict[str, Interval]:
    """Every metric with its 95 % interval over customers; with one outcome only, those that can be told without order."""
    wanted = [name for name in METRICS if name in {"log_loss", "brier", "ece10"} or 0 < label.sum() < label.size]
    order = np.argsort(np.unique(customers, return_inverse=True)[1], kind="stable")
    rows_of = np.split(order, np.flatnonzero(np.diff(np.unique(customers, return_inverse=True)[1][order])) + 1)
    samples: dict[str, list[float]] = {name: [] for name in wanted}
    for _ in range(draws):
        rows = np.concatenate([rows_of[place] for place in rng.integers(0, len(rows_of), len(rows_of))])
        one_outcome = label[rows].all() or not label[rows].any()
        for name in wanted:
            if not one_outcome or name in {"log_loss", "brier", "ece10"}:
                samples[name].append(METRICS[name](label[rows], probability[rows]))
    return {name: _interval(METRICS[name](label, probability), samples[name]) for name in wanted}


def _interval(value: float, sample: list[float]) -> Interval:
    low, high = np.quantile(sample, [0.025, 0.975]) if sample else (value, value)
    return Interval(mean=value, low=float(low), high=float(high))


def _both_outcomes(label: Flags) -> None:
    if label.all() or not label.any():
        raise OneClassError("every row has the same outcome, so there is no order to judge", rows=label.size)
