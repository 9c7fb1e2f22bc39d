"""The uplift benchmark as text for people: the draw, the test, the learners beside random and response, and what policies earn."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.metrics.interval import Interval
    from models.uplift.heterogeneity import Slope
    from training.bench.uplift import ArmReport, LearnerRow, PolicyRow, UpliftReport


def to_json(report: UpliftReport) -> str:
    """The report as a JSON text."""
    return json.dumps(report.to_document(), default=float)


def render(report: UpliftReport) -> str:
    """The whole report as plain text."""
    more = " ..." if len(report.columns) > 12 else ""
    lines = [
        f"Uplift benchmark: {report.file}, outcome {report.outcome}; {report.splits} splits 70/30, seeds from {report.seed}",
        f"  {len(report.columns)} feature columns: {', '.join(report.columns[:12])}{more}",
    ]
    if report.left_out:
        lines.append(f"  left out, as outcomes or ids: {', '.join(report.left_out)}")
    lines += [f"  note: {note}" for note in report.notes]
    for arm in report.arms:
        lines += ["", *_arm(arm)]
        if arm.policies:
            lines += ["", *_policies(arm, report)]
    return "\n".join(lines)


def _arm(arm: ArmReport) -> list[str]:
    test, wide = arm.heterogeneity, 1.96 * arm.effect_error
    effect = f"{arm.effect:+.4f} ({arm.effect - wide:+.4f} to {arm.effect + wide:+.4f})"
    settled = ", ".join(f"{name} {count}x" for name, count in arm.chosen.items())
    head = f"  {'learner':<34}{'Qini':>8} {'95 %':<18}{'sd':>7}{'AUUC':>8}{'top 10 %':>10}{'top 30 %':>10}"
    return [
        f"{arm.arm} ({arm.treated:,}) against {arm.control} ({arm.untreated:,}): mean effect {effect}",
        f"  draw: {arm.randomisation.said}",
        *(_slope(slope, test.response_qini) for slope in test.slopes),
        f"  {test.said}",
        "",
        f"{head}  {'over the best baseline':<28}{'cpu s':>6}",
        *(_row(row) for row in arm.rows),
        f"* ours; settled inside each training part as: {settled}; {arm.seconds:.0f} s",
    ]


def _slope(slope: Slope, response: float) -> str:
    told = f"slope of uplift on the score of {slope.learner} {slope.slope:.2f} (standard error {slope.error:.2f})"
    return f"  test: {told}, p {slope.adjusted_p:.2g}; cross-fitted Qini {slope.qini:.4f}, response only {response:.4f}"


def _row(row: LearnerRow) -> str:
    mark = "*" if row.ours else " "
    name = f"{row.name} (baseline)" if row.is_baseline else row.name
    figures = f"{row.spread:>7.4f}{row.auuc:>8.4f}{row.uplift_10:>10.4f}{row.uplift_30:>10.4f}"
    lead = f"{row.lead.mean:+.4f} ({_bounds(row.lead)})"
    return f"{mark} {name:<34}{row.qini.mean:>8.4f} {_bounds(row.qini):<18}{figures}  {lead:<28}{row.seconds:>6.2f}"


def _policies(arm: ArmReport, report: UpliftReport) -> list[str]:
    terms = report.terms
    if terms is None:
        return []
    budget = "no bound on the budget" if terms.budget is None else f"budget {terms.budget:g} a test part"
    worth = f"an outcome is worth {terms.margin:g}, a treatment costs {terms.cost:g}, {budget}"
    return [f"  policies: {worth}; earned per customer over treating nobody", *(_policy(row) for row in arm.policies)]


def _policy(row: PolicyRow) -> str:
    earned = f"{row.value.mean:+.4f} ({row.value.low:+.4f} to {row.value.high:+.4f})"
    return f"    {row.name:<14}treats {row.share:>6.1%}  earns {earned}"


def _bounds(interval: Interval) -> str:
    return f"{interval.low:+.4f}..{interval.high:+.4f}"
