"""The recommender benchmark as text for people: one table a task, means with 95 % intervals, the best baseline marked.

Widths fit a terminal of 120 columns; figures are recall, truncated recall, NDCG and hit rate at k, each a mean over customers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.metrics.interval import Interval
    from models.recommender.compare import ModelRow, TaskTable
    from training.bench.baskets import BasketRow, BasketTable
    from training.bench.recommend import BenchReport

_TITLES = {"new": "NEW: items the customer never had (owned ones are masked)", "any": "ANY: repeats allowed"}


def render(report: BenchReport) -> str:
    """The whole report as plain text."""
    lines = [
        f"Recommendation benchmark: {report.file} ({report.layout})",
        f"  train {_sizes(report.train.rows, report.train.customers, report.train.items)} before {report.cutoff}",
        f"  test  {_sizes(report.test.rows, report.test.customers, report.test.items)} in {report.test_days:g} days from there",
    ]
    lines += [f"  left out: {count:,} rows, {reason}" for reason, count in report.dropped.items()]
    lines += [f"  note: {note}" for note in report.notes]
    for table in report.tasks:
        lines += ["", *_task(table)]
    if report.baskets is not None:
        lines += ["", *_baskets(report.baskets)]
    lines += ["", *_closing(report)]
    return "\n".join(lines)


def _task(table: TaskTable) -> list[str]:
    title = f"{_TITLES.get(table.task, table.task)}, {table.customers:,} customers"
    if not table.rows:
        return [title, "  nobody to rank for"]
    head = (
        f"  {'model':<42}{f'recall@{table.k}':>8} {'95 % interval':<15}{'trunc.':>8}{f'ndcg@{table.k}':>9}{'hits':>7}"
    )
    lines = [title, f"{head}  {'lead over best baseline':<26}{'fit s':>6}"]
    return lines + [_row(row, is_best=row.name == table.best_baseline) for row in table.rows]


def _row(row: ModelRow, *, is_best: bool) -> str:
    mark = "*" if not row.is_baseline else " "
    figures = f"{row.truncated_recall.mean:>8.4f}{row.ndcg.mean:>9.4f}{row.hit_rate.mean:>7.3f}"
    lead = "best baseline" if is_best else _signed(row.lead)
    return f"{mark} {row.name:<42}{row.recall.mean:>8.4f} {_bounds(row.recall):<15}{figures}  {lead:<26}{row.fit_seconds:>6.1f}"


def _baskets(table: BasketTable) -> list[str]:
    head = f"  {'scorer':<42}{f'HR@{table.k}':>8} {'95 % interval':<15}{f'MRR@{table.k}':>8}"
    title = f"BASKET COMPLETION: one item hidden, {table.baskets:,} baskets"
    return [title, f"{head}  {'lead over best baseline':<26}{'fit s':>6}", *(_basket_row(row) for row in table.rows)]


def _basket_row(row: BasketRow) -> str:
    mark = "*" if not row.is_baseline else " "
    lead = "best baseline" if row.lead is None else _signed(row.lead)
    rate = f"{row.hit_rate.mean:>8.4f} {_bounds(row.hit_rate):<15}{row.reciprocal_rank.mean:>8.4f}"
    return f"{mark} {row.name:<42}{rate}  {lead:<26}{row.fit_seconds:>6.1f}"


def _closing(report: BenchReport) -> list[str]:
    ease, trend = report.config.ease, report.config.trend
    fading = "none" if ease.half_life_days is None else f"{ease.half_life_days:g} d"
    trended = f"trend {trend.half_life_days:g} d to the power {trend.exponent:g}"
    added = f"popularity {report.config.popularity_weight:g}, repeats {report.config.repeat_weight:g}"
    return [
        f"* ours; {report.how}:",
        f"  half-life {fading}, shrinkage {ease.shrinkage:g}, {trended}, {added}",
        f"  tuning the blend took {report.tune_seconds:.1f} s, everything {report.total_seconds:.1f} s; seed {report.seed}",
        f"  the ranker took {report.ranker_seconds:.1f} s of processor time",
        report.verdict,
    ]


def _sizes(rows: int, customers: int, items: int) -> str:
    return f"{rows:,} rows, {customers:,} customers, {items:,} items"


def _bounds(interval: Interval) -> str:
    return f"{interval.low:.4f}-{interval.high:.4f}"


def _signed(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.mean:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"
