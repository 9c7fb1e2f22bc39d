"""The truth benchmark as text for people: a line a seed, then each figure with its interval beside what it is held to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from training.truth.recover import Recovered, TruthReport

_FIGURES = (
    ("segment_rand", "segments: adjusted Rand index with the true ones", "segment_rand_ceiling", "told the true ones"),
    ("hazard_slope", "churn: calibration slope on what then came", "", "1 is ideal"),
    ("hazard_calibration_error", "churn: calibration error on what then came (ten bins)", "", "0 is ideal"),
    ("hazard_segment_error", "churn: error of a true segment's mean 30-day chance", "", ""),
    ("hazard_rank_correlation", "churn: rank correlation with the true hazard", "", ""),
    ("uplift_correlation", "uplift: correlation with the true one", "", ""),
    ("uplift_rmse", "uplift: root mean squared error", "uplift_rmse_constant", "knowing the mean"),
    ("policy_share", "policy: share of what the true one earns", "all_or_none_share", "all or none"),
)


def to_json(report: TruthReport) -> str:
    """The report as a JSON text."""
    return json.dumps(report.to_document(), default=float)


def render(report: TruthReport) -> str:
    """The whole report as plain text."""
    lines = [
        f"Simulated shops with known truth: {len(report.rows)} seeds, {report.customers:,} customers over {report.days} days each",
        f"  an upgrade is worth {report.terms.margin:g}, an offer costs {report.terms.cost:g} (minor units)",
        "",
        "  seed     Rand     of   slope     ECE   rank   offers  differ  corr.    RMSE  policy    all     s",
        *(_row(row) for row in report.rows),
    ]
    lines += ["", f"  {'mean over seeds':<52}{'':>9} {'95 %':<20}beside"]
    for name, words, beside, what in _FIGURES:
        found = report.means[name]
        bounds = f"{found.low:.4f}..{found.high:.4f}"
        other = f"{what} {report.means[beside].mean:.4f}" if beside else what
        lines.append(f"  {words:<52}{found.mean:>9.4f} {bounds:<20}{other}")
    return "\n".join(lines)


def _row(row: Recovered) -> str:
    hazard = f"{row.hazard_slope:>8.2f}{row.hazard_calibration_error:>8.4f}{row.hazard_rank_correlation:>7.2f}"
    uplift = f"{row.offers:>9,}{'yes' if row.uplift_usable else 'no':>8}{row.uplift_correlation:>7.2f}{row.uplift_rmse:>8.4f}"
    policy = f"{row.policy_share:>8.1%}{row.all_or_none_share:>7.1%}{row.seconds:>6.0f}"
    return f"  {row.seed:<6}{row.segment_rand:>7.3f}{row.segment_rand_ceiling:>7.3f}{hazard}{uplift}{policy}"
