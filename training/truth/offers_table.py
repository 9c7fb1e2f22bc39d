"""The benchmark of offers as text for people and as JSON: ratios beside the truth, and how often the report's interval held it."""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.metrics.interval import Interval
    from training.truth.offers import Judged, WorldReport

WANTED_RATIO: Final = 1.3
WANTED_COVERAGE: Final = 0.93


def to_json(reports: Sequence[WorldReport]) -> str:
    """All figures as a JSON text; amounts are minor units a seed."""
    return json.dumps([_document(report) for report in reports])


def render(reports: Sequence[WorldReport]) -> str:
    """The whole benchmark as plain text; amounts are whole units of money, the mean over seeds."""
    lines = [
        "Offers: incremental revenue of the decision pipeline beside one rule (limit reached, so show the upgrade)",
        "  the same customers live without offers, by the rule and by the pipeline; both are judged by the holdout report, which",
        "  sees the books alone; 95 % intervals of ratios are over seeds, and a share covered is of the report's own intervals",
        f"  wanted: reported ratio at least {WANTED_RATIO}, covered at least {WANTED_COVERAGE:.0%}",
    ]
    for report in reports:
        lines += ["", *_world(report)]
    return "\n".join(lines)


def _world(report: WorldReport) -> list[str]:
    money = f"{'reported':>10}{'true':>10}{'margin':>10}"
    head = f"  {'':<10}{money}{'offered':>9}{'held out':>9}{'shown':>8}{'taken':>7}{'left':>7}{'covered':>11}"
    covered, covered_rule = report.covered(), report.covered_rule()
    about = f"{len(report.seeds)} seeds of {report.customers:,} customers over {report.weeks} weeks"
    ratios = ((report.reported_ratio, "reported"), (report.true_ratio, "true"), (report.margin_ratio, "true margin"))
    return [
        f"{report.world}: {about}, {report.holdout:.0%} held out",
        head,
        _row("rule", [seed.rule for seed in report.seeds], covered_rule),
        _row("pipeline", [seed.pipeline for seed in report.seeds], covered),
        "  pipeline over rule: " + ", ".join(f"{name} {_said(ratio)}" for ratio, name in ratios),
    ]


def _row(name: str, judged: Sequence[Judged], covered: tuple[int, int]) -> str:
    told = [each.revenue.total / 100 for each in judged if each.revenue is not None]
    said = f"{fmean(told):>10,.0f}" if told else f"{'too early':>10}"
    share = f"{covered[0]} of {covered[1]}"
    counts = (("offered", 9), ("held_out", 9), ("shown", 8), ("accepted", 7), ("left", 7))
    rest = "".join(f"{fmean(getattr(each, field) for each in judged):>{wide},.0f}" for field, wide in counts)
    true = fmean(each.true_revenue for each in judged) / 100
    margin = fmean(each.true_margin for each in judged) / 100
    return f"  {name:<10}{said}{true:>10,.0f}{margin:>10,.0f}{rest}{share:>11}"


def _said(interval: Interval) -> str:
    return f"{interval.mean:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def _document(report: WorldReport) -> dict[str, Any]:
    covered, given = report.covered()
    covered_rule, given_rule = report.covered_rule()
    return {
        "world": report.world,
        "customers": report.customers,
        "weeks": report.weeks,
        "holdout": report.holdout,
        "seeds": len(report.seeds),
        "reported_ratio": _bounds(report.reported_ratio),
        "true_ratio": _bounds(report.true_ratio),
        "true_margin_ratio": _bounds(report.margin_ratio),
        "pipeline": {"covered": covered, "given": given, **_means([seed.pipeline for seed in report.seeds])},
        "rule": {"covered": covered_rule, "given": given_rule, **_means([seed.rule for seed in report.seeds])},
    }


def _means(judged: Sequence[Judged]) -> dict[str, float | None]:
    told = [each.revenue.total for each in judged if each.revenue is not None]
    widths = [each.revenue.total_high - each.revenue.total_low for each in judged if each.revenue is not None]
    return {
        "reported_minor": fmean(told) if told else None,
        "interval_width_minor": fmean(widths) if widths else None,
        "true_minor": fmean(each.true_revenue for each in judged),
        "true_margin_minor": fmean(each.true_margin for each in judged),
        "offered": fmean(each.offered for each in judged),
        "held_out": fmean(each.held_out for each in judged),
        "shown": fmean(each.shown for each in judged),
        "accepted": fmean(each.accepted for each in judged),
        "left": fmean(each.left for each in judged),
    }


def _bounds(interval: Interval) -> dict[str, float]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}
