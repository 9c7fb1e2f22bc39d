"""The retraining benchmark measures what it says, on a shop small enough for a test."""

from __future__ import annotations

import json
from typing import Any

from training.bench.retrain import Retrained, bench_retrain
from training.bench.retrain_table import render, to_json
from training.jobs import run_jobs


def test_a_small_shop_is_retrained_and_told_in_a_table() -> None:
    """About as many lines as asked for, every task with its time, in a process of its own whose memory is counted."""
    said: list[str] = []

    (found,) = bench_retrain([4000], run_jobs, ("segments", "bundles"), seed=3, progress=said.append)

    assert 2000 < found.lines < 8000
    assert [task.task for task in found.tasks] == ["segments", "bundles"]
    assert all(task.version for task in found.tasks)
    assert 0 < found.busiest_seconds <= found.processor_seconds
    assert found.peak_mib > 50
    assert found.within is None
    assert any(words.startswith("simulating") for words in said)
    table = render([found])
    assert f"{found.lines:,} lines, 1 worker" in table
    assert "the target is" not in table
    assert json.loads(to_json([found]))["runs"][0]["lines"] == found.lines


def test_the_target_is_judged_at_its_size_only() -> None:
    """By wall and memory; where the wall is too long but the busiest core was not, the table says so."""
    kept: dict[str, Any] = {
        "lines": 400_000,
        "customers": 1,
        "events": 0,
        "workers": 2,
        "processor_seconds": 70.0,
        "busiest_seconds": 40.0,
        "reading_seconds": 1.0,
        "tasks": (),
    }
    quick = Retrained(seconds=89.0, peak_mib=2000.0, **kept)
    slow = Retrained(seconds=120.0, peak_mib=2000.0, **kept)
    fat = Retrained(seconds=89.0, peak_mib=2100.0, **kept)

    assert (quick.within, slow.within, fat.within) == (True, False, False)
    assert "the target is met" in render([quick])
    assert "used 40 s of its core" in render([slow])
    assert "used" not in render([fat])
