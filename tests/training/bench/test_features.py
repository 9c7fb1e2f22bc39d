"""The features benchmark on a small made shop: every engine's values are held against each other, and the report says so."""

from __future__ import annotations

import json

from training.bench.features import bench_features
from training.bench.features_table import render, to_json


def test_every_engine_agrees_and_the_report_says_how_many_values_were_compared() -> None:
    """Hand-written SQL, the fold and tiles against DuckDB, to the last bit."""
    report = bench_features(events=4_000, customers=150, seed=3)

    compared = [row for row in (*report.engines, *report.busy) if row.compared is not None]
    assert [row.name for row in compared] == ["hand-written DuckDB SQL", "the fold, one by one", "from tiles"]
    assert all(row.compared and row.differing == 0 for row in compared)
    assert (report.as_ofs, report.views) == (300, 13)
    assert "hand-written DuckDB SQL" in render(report)
    assert json.loads(to_json(report))["seed"] == 3
