"""The benchmark of rate limiters finds every contender exact, measures each, and prints what it found."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from serving.bench.limits import CROWD, EXACT, Checked, Report, bench_limits
from serving.bench.limits_table import render, to_json

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.servers
def test_a_short_run(redis_url: str, tmp_path: Path) -> None:
    """Every peer in Redis, ours on SQLite and in memory; ours are exact."""
    report = bench_limits([f"sqlite:///{tmp_path / 'bench.db'}"], redis_url, 0.02, lambda _what: None)
    assert report.is_right
    assert {each.name for each in report.checked} >= {
        "raw EVALSHA a limit",
        "limits sliding",
        "throttled gcra",
        "Uptier",
    }
    assert {(each.limits, each.callers) for each in report.measured} == {(1, 1), (1, CROWD), (3, 1), (3, CROWD)}
    assert "x the fastest of limits" in render(report)
    assert len(json.loads(to_json(report))["measured"]) == len(report.measured)


def test_speed_says_nothing_of_wrong_answers() -> None:
    """One call too many, of ours, and the report is wrong; a peer's is noted."""
    ours, peer = (
        Checked("Uptier", "redis", EXACT + 1, is_ours=True),
        Checked("other", "redis", EXACT + 1, is_ours=False),
    )
    assert not Report([ours], []).is_right
    assert Report([peer], []).is_right
    assert "WRONG" in render(Report([ours], []))
    assert "inexact" in render(Report([peer], []))
