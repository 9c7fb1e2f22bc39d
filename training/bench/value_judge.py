"""How good forecasts of customers' purchases or spend are: level, error, correlation and who they put on top, with intervals by customer.

Intervals are from a Poisson bootstrap (each customer counts 0, 1, 2, ... times): all figures are ratios of weighted sums, so one draw is a
matrix product. Who is on top stays as ranked; ties are broken by the order of the customers' histories, which every model shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.metrics.interval import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DRAWS = 500
_CELLS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One forecast. `level` is forecast over actual total minus 1, `capture` the share of the actual total held by the top tenth."""

    name: str
    ours: bool
    total: float
    level: Interval
    mae: Interval
    rmse: Interval
    correlation: Interval
    capture: Interval


def judge(
    forecasts: dict[str, Floats], actual: Floats, *, ours: frozenset[str], rng: np.random.Generator
) -> list[Judged]:
    """Every forecast against what came, over the same customers and the same draws."""
    sums = {name: _parts(forecast, actual) for name, forecast in forecasts.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in forecasts}
    done = 0
    while done < DRAWS:
        draws = min(DRAWS - done, max(1, _CELLS // actual.size))
        weights = rng.poisson(1.0, (draws, actual.size)).astype(np.float64)
        for name, parts in sums.items():
            drawn[name].append(_figures(weights @ parts))
        done += draws
    return [
        _judged(
            name, forecast, _figures(sums[name].sum(axis=0)[np.newaxis])[0], np.concatenate(drawn[name]), name in ours
        )
        for name, forecast in forecasts.items()
    ]


def top_tenth(forecast: Floats) -> NDArray[np.bool_]:
    """The tenth of customers (rounded) with the highest forecast."""
    top = np.zeros(forecast.size, dtype=np.bool_)
    top[np.argsort(-forecast, kind="stable")[: max(1, round(forecast.size / 10))]] = True
    return top


def _parts(forecast: Floats, actual: Floats) -> Floats:
    error = forecast - actual
    columns = (
        np.ones(actual.size), forecast, actual, np.abs(error), error**2, forecast**2, actual**2, forecast * actual,
        actual * top_tenth(forecast),
    )  # fmt: skip
    return np.column_stack(columns)


def _figures(sums: Floats) -> Floats:
    """(draws, 9) sums -> (draws, 5): level, MAE, RMSE, correlation, capture."""
    n, e, a, off, square, ee, aa, ea, top = sums.T
    n, a = np.maximum(n, 1.0), np.where(a > 0, a, np.nan)
    covariance = ea / n - e / n * a / n
    spread = np.sqrt(np.maximum((ee / n - (e / n) ** 2) * (aa / n - (a / n) ** 2), 0.0))
    correlation = np.divide(covariance, spread, out=np.zeros_like(covariance), where=spread > 1e-12)
    return np.column_stack([e / a - 1, off / n, np.sqrt(square / n), correlation, top / a])


def _judged(name: str, forecast: Floats, at: Floats, drawn: Floats, ours: bool) -> Judged:  # noqa: FBT001 (a column of the row)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    level, mae, rmse, correlation, capture = (
        Interval(float(mean), float(least), float(most)) for mean, least, most in zip(at, low, high, strict=True)
    )
    return Judged(
        name=name,
        ours=ours,
        total=float(forecast.sum()),
        level=level,
        mae=mae,
        rmse=rmse,
        correlation=correlation,
        capture=capture,
    )
