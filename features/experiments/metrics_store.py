"""The queries that add outcomes up by arm: one statement a source of rows, whose answer is sums, never units."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Double, and_, case, cast, func, select

from features.experiments.measures import Counted, How, by_key
from features.experiments.moments import Cell, Moments, Ordered, Weighted
from features.experiments.outcomes_store import OutcomeStore, Run, is_whole_customer
from features.experiments.tables import ExposureRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import CTE, Select, Subquery

    from billing.db.session import Unit

_Z = 1.959963984540054


class MetricsStore:
    """Adds up outcomes of one tenant's experiments."""

    def __init__(self, unit: Unit) -> None:
        self._session, self._outcomes = unit.session, OutcomeStore(unit)

    def cells(self, run: Run, metrics: Iterable[Counted], by: Sequence[str] = ()) -> list[Cell]:
        """Sums of each metric by arm and crossing and the dimensions asked for (`segment`, `plan`, `week`, `day` of exposure)."""
        wanted = sorted(metrics, key=_place)
        found: list[Cell] = []
        for _, group in groupby(wanted, key=_place):
            found += self._of_source(run, list(group), by)
        return found

    def order_statistics(self, run: Run, metric: Counted) -> dict[str, Ordered]:
        """The value of a metric at its quantile by arm, and those between whose ranks the quantile lies with 95 % (Woodruff 1952).

        Of units of which each brings one value, and of observed values: the first whose place reaches the share.
        """
        values = self._outcomes.values(run, [metric], ())
        column, q = values.c.y0, metric.quantile or 0.5
        ranked = (
            select(
                values.c.arm,
                column.label("value"),
                func.row_number().over(partition_by=values.c.arm, order_by=column.asc()).label("rank"),
                func.count().over(partition_by=values.c.arm).label("of"),
            )
            .where(column.is_not(None))
            .subquery()
        )
        counts = dict(self._counted(values))
        found: dict[str, Ordered] = {}
        for arm, n in counts.items():
            half = _Z * math.sqrt(q * (1 - q) / n)
            wanted = [max(math.ceil(n * share), 1) for share in (q, max(q - half, 0.0), min(q + half, 1.0))]
            query = select(ranked.c["rank"], ranked.c.value).where(ranked.c.arm == arm, ranked.c["rank"].in_(wanted))
            at = {int(rank): float(value) / metric.measure.scale for rank, value in self._session.execute(query)}
            value, low, high = (at[rank] for rank in wanted)
            found[arm] = Ordered(n=n, value=value, low=low, high=high)
        return found

    def weighted(self, run: Run, metric: Counted) -> dict[str, Weighted]:
        """Sums over each arm's units of weights 1 / propensity as logged at exposure, and of outcomes times them."""
        values = self._outcomes.clipped([metric], (), self._outcomes.values(run, [metric], ()))
        row = ExposureRow
        y = cast(values.c.y0, Double) / metric.measure.scale
        w = 1.0 / row.propensity
        columns = (func.count(), func.sum(w), func.sum(w * y), func.sum(w * w), func.sum(w * w * y))
        query = select(values.c.arm, *columns, func.sum(w * w * y * y)).select_from(values)
        query = query.join(row, and_(row.experiment == run.experiment, row.unit == values.c.unit))
        rows = self._session.execute(query.where(values.c.y0.is_not(None)).group_by(values.c.arm)).all()
        n = sum(int(each[1]) for each in rows)
        return {
            str(arm): Weighted(n=n, shown=int(shown), w=sums[0], wy=sums[1], ww=sums[2], wwy=sums[3], wwyy=sums[4])
            for arm, shown, *sums in rows
        }

    def _counted(self, values: CTE) -> list[tuple[str, int]]:
        query = select(values.c.arm, func.count(values.c.y0)).group_by(values.c.arm)
        return [(str(arm), int(n)) for arm, n in self._session.execute(query) if n]

    def _of_source(self, run: Run, metrics: Sequence[Counted], by: Sequence[str]) -> list[Cell]:
        values = self._outcomes.values(run, metrics, by)
        is_clustered = _is_clustered(run, metrics[0])
        rows = self._session.execute(self._added(run, metrics, by, self._outcomes.clipped(metrics, by, values)))
        cells = []
        for row in rows.mappings():
            levels = tuple(str(row[f"by_{name}"] or "") for name in by)
            for number, metric in enumerate(metrics):
                beside = metric.measure.scale if metric.past_days is not None and not is_clustered else 1
                sums = {name: row[f"{name}_{number}"] for name in _wanted(metric, is_clustered=is_clustered)}
                moments = _moments(sums, metric, beside)
                cells.append(Cell(metric.key, str(row["arm"]), bool(row["was_crossed"]), levels, moments))
        return cells

    def _added(self, run: Run, metrics: Sequence[Counted], by: Sequence[str], values: CTE) -> Select[Any]:
        source: Any = values
        if _is_clustered(run, metrics[0]):
            source = _clusters(values, metrics, by)
        was_crossed = case((source.c.crossed > 0, 1), else_=0).label("was_crossed")
        places = [source.c.arm, was_crossed, *(source.c[f"by_{name}"] for name in by)]
        columns: list[Any] = []
        for number, metric in enumerate(metrics):
            columns += _totals(source, number, _wanted(metric, is_clustered=source is not values))
        return select(*places, *columns).group_by(*places)


def arm_sums(
    unit: Unit,
    experiment_key: str,
    metric: str | Counted,
    *,
    until: datetime,
    window_days: int | None,
    by: str | None = None,
    currency: str = "EUR",
) -> dict[str, Any]:
    """Sums of one metric (a measure's key, or a plan's) of an experiment on customers, by arm; with `by`, by its level and then by arm.

    Crossing units count in the arm that they met first.
    """
    wanted = by_key(metric, window_days=window_days) if isinstance(metric, str) else metric
    run = Run(experiment=experiment_key, until=until, currency=currency)
    found: dict[Any, Any] = {}
    for cell in MetricsStore(unit).cells(run, [wanted], () if by is None else (by,)):
        arms = found if by is None else found.setdefault(cell.levels[0], {})
        arms[cell.arm] = arms.get(cell.arm, Moments()) + cell.moments
    return found


def _place(metric: Counted) -> tuple[str, str, str, str]:
    return metric.measure.source.value, metric.event, metric.field, metric.key if metric.quantile else ""


def _is_clustered(run: Run, metric: Counted) -> bool:
    """Whether members are counted whose customer was drawn whole."""
    return run.unit == "member" and run.assigned_by == "customer" and not is_whole_customer(run, metric)


_ALL = ("n", "y", "yy", "x", "xx", "xy", "m", "my")


def _wanted(metric: Counted, *, is_clustered: bool) -> tuple[str, ...]:
    """The sums a metric needs: of zeros and ones the squares are known, and only some have something beside them."""
    if is_clustered or metric.measure.how is How.RATIO:
        return _ALL[:6]
    if metric.measure.how in {How.ANY, How.NONE}:
        return _ALL[:2]
    return _ALL if metric.past_days is not None else _ALL[:3]


def _totals(source: Any, number: int, wanted: Sequence[str]) -> list[Any]:
    y, x, m = (source.c[f"{name}{number}"] for name in "yxm")
    real_y, real_x = cast(y, Double), cast(x, Double)
    made = {
        "n": func.count(y),
        "y": func.sum(y),
        "yy": func.sum(real_y * real_y),
        "x": func.sum(x),
        "xx": func.sum(real_x * real_x),
        "xy": func.sum(real_x * real_y),
        "m": func.sum(m),
        "my": func.sum(case((m == 1, y), else_=0)),
    }
    return [made[name].label(f"{name}_{number}") for name in wanted]


def _moments(sums: Mapping[str, Any], metric: Counted, beside: int) -> Moments:
    scale = metric.measure.scale
    found = {name: value or 0 for name, value in sums.items()}
    square = found.get("yy", found["y"])
    return Moments(
        n=int(found["n"]),
        y=float(found["y"]) / scale,
        yy=float(square) / (scale * scale),
        x=float(found.get("x", 0)) / beside,
        xx=float(found.get("xx", 0)) / (beside * beside),
        xy=float(found.get("xy", 0)) / (scale * beside),
        m=int(found.get("m", 0)),
        my=float(found.get("my", 0)) / scale,
    )


def _clusters(values: CTE, metrics: Sequence[Counted], by: Sequence[str]) -> Subquery:
    """Customers in place of their members: y their sum, x how many there are."""
    columns: list[Any] = [func.min(values.c.arm).label("arm"), func.max(values.c.crossed).label("crossed")]
    columns += [func.min(values.c[f"by_{name}"]).label(f"by_{name}") for name in by]
    for number in range(len(metrics)):
        y = values.c[f"y{number}"]
        columns += [
            cast(func.sum(y), BigInteger).label(f"y{number}"),
            case((func.count(y) > 0, func.count(y))).label(f"x{number}"),
            case((func.count(y) > 0, 0)).label(f"m{number}"),
        ]
    return select(*columns).group_by(values.c.customer_id).subquery("clusters")


def levels_of(cells: Iterable[Cell], dimension: int) -> Mapping[str, Mapping[str, Moments]]:
    """One metric's cells by one dimension's level and arm."""
    found: dict[str, dict[str, Moments]] = {}
    for cell in cells:
        arms = found.setdefault(cell.levels[dimension], {})
        arms[cell.arm] = arms.get(cell.arm, Moments()) + cell.moments
    return found
