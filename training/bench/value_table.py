"""The value benchmark as text for people: what was fitted, the level before and after correction, and every forecast beside the others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.metrics.interval import Interval
    from training.bench.value import ValueReport
    from training.bench.value_judge import Judged


def to_json(report: ValueReport) -> str:
    """The report as a JSON text."""
    return json.dumps(report.to_document(), default=float)


def render(report: ValueReport) -> str:
    """The whole report as plain text."""
    start, end = report.calibration
    lines = [
        f"Value benchmark: {report.file} ({report.layout})",
        f"  calibration {start} to {end}: {report.customers:,} customers, {report.repeats:,} repeat purchases",
        f"  holdout {report.holdout_days} days from there: {report.actual:,} purchases of the same customers",
        *(f"  left out: {count:,} rows, {reason}" for reason, count in report.dropped.items()),
        f"  rung: {report.rung} ({report.why})",
        "",
        "FITTED (weeks)",
    ]
    for fit in report.fits:
        parameters = "  ".join(f"{name} {value:.4f}" for name, value in fit.parameters.items())
        said = f"  AT THE BOUNDARY: {fit.boundary}" if fit.boundary else ""
        lines.append(
            f"  {fit.name:<12}{parameters}  log-likelihood {fit.log_likelihood:,.2f}  {fit.seconds:.3f} s{said}"
        )
    factor, low, high = report.factor
    lines += [
        "",
        f"LEVEL: forecasts are multiplied by {factor:.3f} (95 % {low:.3f} to {high:.3f}), learned inside the calibration from",
    ]
    if not report.backtests:
        lines.append("  nothing: the past is too short for a backtest")
    for test in report.backtests:
        ratio = test["actual"] / test["forecast"]
        lines.append(
            f"  {test['observed_days']:.0f} days known, {test['horizon_days']:.0f} ahead: "
            f"forecast {test['forecast']:,.0f}, came {test['actual']:,.0f} ({ratio:.3f})"
        )
    lines += ["", f"PURCHASES in the holdout ({report.actual:,})", *_table(report.purchases, 3)]
    if report.spend:
        title = f"SPEND in the holdout ({report.actual_minor / 100:,.0f}); {_spend(report.spend_fit)}"
        lines += [
            "",
            title,
            *_table(report.spend, 1, unit=100.0),
        ]
    lines += ["", *(f"note: {note}" for note in report.notes), *(f"published: {line}" for line in report.published)]
    lines.append(f"* ours; intervals by customer, seed {report.seed}; everything {report.seconds:.1f} s")
    return "\n".join(lines)


def _spend(fit: dict[str, Any]) -> str:
    parameters = f"p {fit['p']:.3f}  q {fit['q']:.3f}  v {fit['v'] / 100:.2f}"
    said = f"; {fit['why']}" if fit.get("why") else ""
    return f"{fit['rung']}: {parameters}, correlation of spend and frequency {fit['correlation']:.3f}{said}"


def _table(rows: list[Judged], digits: int, unit: float = 1.0) -> list[str]:
    if not rows:
        return ["  nothing came, so nothing can be judged"]
    head = f"  {'forecast':<38}{'total':>11}{'level':>9} {'95 %':<18}{'MAE':>8}{'RMSE':>9}{'corr.':>8}  {'top tenth holds':<24}"
    lines = [head]
    for row in rows:
        mark = "*" if row.ours else " "
        figures = f"{row.mae.mean / unit:>8.{digits}f}{row.rmse.mean / unit:>9.{digits}f}{row.correlation.mean:>8.3f}"
        lines.append(
            f"{mark} {row.name:<38}{row.total / unit:>11,.0f}{row.level.mean:>+9.1%} {_bounds(row.level):<18}{figures}"
            f"  {row.capture.mean:.2%} {_bounds(row.capture)}"
        )
    return lines


def _bounds(interval: Interval) -> str:
    return (
        f"{interval.low:+.1%}..{interval.high:+.1%}" if interval.low < 0 else f"{interval.low:.1%}..{interval.high:.1%}"
    )
