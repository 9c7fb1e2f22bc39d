"""A report laid out as a page, a file and a table: what it says is there, what it masks is not, and names are never markup."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest

from features.experiments.moments import Moments
from models.experiments.plan import Arm, Metric, MetricKind, Plan
from models.experiments.plan_document import to_document
from models.experiments.report import Evidence, Kept, facts_now, report
from serving.experiments.page_file import body, self_contained
from serving.experiments.rows import to_csv

HOSTILE = "<script>alert(1)</script>"
PLAN = Plan(
    key="prices",
    salt="prices",
    arms=(Arm(key="control", weight=0.5), Arm(key="warm", weight=0.5)),
    primary=Metric(key="conversion", kind=MetricKind.RATE),
    secondary=(Metric(key="revenue", kind=MetricKind.MEAN, uses_past=False),),
    planned_units=4_000,
)


def _document(days: int = 14) -> dict[str, Any]:
    sums = {
        "conversion": {"control": Moments(n=2_000, y=200, yy=200), "warm": Moments(n=2_000, y=300, yy=300)},
        "revenue": {"control": Moments(n=2_000, y=1e6, yy=1e9), "warm": Moments(n=2_000, y=1.1e6, yy=1.2e9)},
    }
    seen = Evidence(
        days=days,
        units={"control": 2_000, "warm": 2_000},
        sums=sums,
        uncrossed=sums,
        crossed={"warm": 3},
        parts={"segment": {HOSTILE: sums["conversion"], "=1+1": sums["conversion"]}},
        units_by_day={"2026-03-02": {"control": 900, "warm": 880}, "2026-03-03": {"control": 1_100, "warm": 1_120}},
        money=frozenset({"revenue"}),
    )
    facts = facts_now(PLAN, seen)
    seen = replace(seen, kept=[Kept(day=day, units=seen.units, facts=facts) for day in (8, 9)])
    head = {
        "experiment": "prices",
        "version": 1,
        "name": HOSTILE,
        "hypothesis": HOSTILE,
        "status": "running",
        "kind": "test",
        "plan_digest": PLAN.digest,
        "plan": to_document(PLAN),
        "started_at": "2026-03-01T00:00:00+00:00",
        "as_of": "2026-03-15T00:00:00+00:00",
        "why": None,
        "decision": None,
        "control": "control",
        "primary": "conversion",
        "unit": "customer",
        "design": "anytime",
    }
    return {**head, **report(PLAN, seen)}


def test_the_file_says_the_verdict_draws_it_and_loads_nothing() -> None:
    """Verdict, lifts, days and looks are in it; names that look like markup are text; no address is asked."""
    page = self_contained(_document())

    assert "warm is better on conversion: +50.0%" in page
    assert page.count("<svg") == 3
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page
    assert not any(word in page for word in ("http://", "https://", "<script", " src=", "<link"))


def test_what_is_masked_is_on_no_page_and_in_no_table() -> None:
    """On day 5: units and the reason, no lift, no mean."""
    document = _document(days=5)
    shown, table = body(document), to_csv(document)

    assert "Results are shown after 7 full days" in shown
    assert "50.0" not in shown
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(row["role"], row["arm"], row["units"], row["lift"]) for row in rows] == [
        ("units", "control", "2000", ""),
        ("units", "warm", "2000", ""),
    ]


def test_the_table_has_every_figure_unrounded_and_no_formula() -> None:
    """Money in whole units of the currency; a level that begins like a formula is made harmless."""
    rows = list(csv.DictReader(io.StringIO(to_csv(_document()))))
    warm = next(row for row in rows if row["metric"] == "revenue" and row["arm"] == "warm")
    levels = {row["level"] for row in rows if row["role"] == "segment"}

    assert float(warm["mean"]) == pytest.approx(5.5)
    assert (warm["unit"], warm["role"]) == ("EUR", "secondary")
    assert levels == {HOSTILE, "'=1+1"}
