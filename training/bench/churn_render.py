"""The churn benchmarks as text for people and as JSON for machines: a row a model, means with deviations over folds, landmarks below."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.metrics.interval import Interval
    from training.bench.churn_purchases import PurchaseReport
    from training.bench.churn_table import ChurnReport, ModelFigures
    from training.bench.published import Published

_HEADS = {
    "auc": "AUC",
    "pr_auc": "PR-AUC",
    "brier": "Brier",
    "log_loss": "log loss",
    "ece10": "ECE10",
    "lift_at_10_percent": "lift@10%",
}
_TESTED = ("auc", "brier")


def render_table(report: ChurnReport) -> str:
    """The whole report of a table as plain text, at most 140 columns wide."""
    rate = report.positives / report.rows
    lines = [
        f"Churn benchmark: {report.file} ({report.rows:,} rows, {report.columns} columns; {report.positive} in {rate:.1%})",
        f"  {report.folds} folds x {report.repeats} repeats, stratified, seed {report.seed}; mean and deviation over folds",
        "  every encoding, scale, choice and calibration is learned inside the fold",
    ]
    lines += [f"  note: {note}" for note in report.notes]
    width = max(len(model.name) for model in report.models) + 2
    lines += ["", f"  {'model':<{width}}" + "".join(f"{head:>15}" for head in _HEADS.values()) + f"{'cpu s':>8}"]
    for model in report.models:
        mark = "*" if model is report.models[-1] else " "
        cells = "".join(f"{_pair(model, name):>15}" for name in _HEADS)
        lines.append(f"{mark} {model.name:<{width}}{cells}{model.seconds:>8.1f}")
    lines += ["", "  ours less theirs, paired over folds, corrected for shared rows (Nadeau and Bengio 2003):"]
    lines += [
        f"    {model.name:<{width}}" + "; ".join(_test(model, name) for name in _TESTED) for model in report.models[:-1]
    ]
    lines += [
        "",
        f"  an exactly honest model with our scores would show an ECE10 of {report.floor:.4f} by chance alone on folds of this size",
        *(f"  {model.name}: {model.note}" for model in report.models if model.note),
        *(f"  * blend of fold {number + 1}: {words}" for number, words in enumerate(report.blends[:1])),
        *render_published(report.published),
        f"  everything took {report.seconds:.0f} s",
    ]
    return "\n".join(lines)


def render_purchases(report: PurchaseReport) -> str:
    """The whole report of a file of purchases as plain text."""
    learned = ", ".join(
        f"{moment} ({rate:.0%})" for moment, rate in zip(report.learned_at, report.learned_rates, strict=True)
    )
    width = max(len(model.name) for model in report.models) + 2
    lines = [
        f"Churn benchmark: {report.file} ({report.orders:,} orders of {report.customers:,} customers)",
        f"  churn is no order within {report.horizon_days} days ({report.horizon_why})",
        f"  judged at {report.cutoff}: {report.judged:,} customers, {report.rate:.1%} of them silent; seed {report.seed}",
        f"  learned at {learned}: {report.features} features, every window closed before the judged moment",
        *(f"  left out: {count:,} lines {reason}" for reason, count in report.dropped.items()),
        "",
        f"  {'model':<{width}}"
        + "".join(f"{head:>9}" for head in _HEADS.values())
        + f"  {'ours less theirs, AUC':<28}theirs less ours, Brier",
    ]
    for model in report.models:
        mark = "*" if model is report.models[-1] else " "
        cells = "".join(
            f"{model.metrics[name].mean:>9.4f}" if name in model.metrics else f"{'-':>9}" for name in _HEADS
        )
        lines.append(f"{mark} {model.name:<{width}}{cells}  {_lead(model.lead):<28}{_lead(model.brier_lead)}")
    ours = report.models[-1].metrics
    told = ", ".join(f"{_HEADS[name]} {one.low:.4f} to {one.high:.4f}" for name, one in ours.items() if name in _HEADS)
    return "\n".join(
        [
            *lines,
            "",
            f"  * chosen: {report.why}",
            f"  ours, 95 % over customers: {told}",
            *render_published(report.published),
            f"  everything took {report.seconds:.0f} s",
        ]
    )


def purchases_json(report: PurchaseReport) -> str:
    """Every figure."""
    return json.dumps(asdict(report))


def _lead(interval: Interval | None) -> str:
    return "" if interval is None else f"{interval.mean:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def render_published(published: Iterable[Published]) -> list[str]:
    """A line a landmark."""
    return [f"  published: {one.figures} ({one.source}; {one.protocol})" for one in published]


def table_json(report: ChurnReport) -> str:
    """Every figure, with the values of each fold."""
    found = asdict(report)
    for model, plain in zip(report.models, found["models"], strict=True):
        for name, metric in model.metrics.items():
            plain["metrics"][name] |= {"mean": metric.mean, "deviation": metric.deviation}
    return json.dumps(found)


def _pair(model: ModelFigures, name: str) -> str:
    found = model.metrics[name]
    digits = 3 if name == "lift_at_10_percent" else 4
    return f"{found.mean:.{digits}f}±{found.deviation:.{digits}f}"


def _test(model: ModelFigures, name: str) -> str:
    found = model.metrics[name]
    if found.lead is None or found.t is None or found.p is None:
        return f"{_HEADS[name]} {found.lead or 0.0:+.4f}"
    return f"{_HEADS[name]} {found.lead:+.4f} (t {found.t:+.2f}, p {found.p:.3f})"
