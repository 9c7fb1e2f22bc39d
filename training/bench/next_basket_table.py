"""The next-basket benchmark as text: one row a model, means with 95 % intervals, repeats and new items apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.metrics.interval import Interval
    from training.bench.next_basket import BasketModelRow, NextBasketReport


def render(report: NextBasketReport) -> str:
    """The whole report as plain text."""
    k = report.k
    lines = [
        f"Next basket: {report.history}, then {report.future}",
        f"  {report.customers:,} customers, {report.baskets:,} baskets before, {report.items:,} items, all of them ranked",
        f"  {report.repeat_share:.0%} of the next baskets are repeats",
        "",
        _head(k),
    ]
    lines += [_row(row) for row in report.rows]
    lines += [
        "",
        f"* ours, learned from the last baskets of the history alone; {report.total_seconds:.0f} s in all; seed {report.seed}",
    ]
    return "\n".join([*lines, report.verdict])


def _head(k: int) -> str:
    figures = f"{f'recall@{k}':>10} {'95 % interval':<15}{f'ndcg@{k}':>9}{'repeats':>9}{'new':>8}"
    return f"  {'model':<40}{figures}  {'lead over best baseline':<28}{'fit s':>6}"


def _row(row: BasketModelRow) -> str:
    mark = " " if row.is_baseline else "*"
    bounds = f"{row.recall.low:.4f}-{row.recall.high:.4f}"
    lead = (
        "best baseline" if row.lead is None else f"{row.lead.mean:+.4f} ({row.lead.low:+.4f} to {row.lead.high:+.4f})"
    )
    figures = f"{row.recall.mean:>10.4f} {bounds:<15}{row.ndcg.mean:>9.4f}{_mean(row.repeats):>9}{_mean(row.new):>8}"
    return f"{mark} {row.name:<40}{figures}  {lead:<28}{row.seconds:>6.1f}"


def _mean(interval: Interval | None) -> str:
    return "-" if interval is None else f"{interval.mean:.4f}"
