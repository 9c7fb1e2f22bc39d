"""The latency benchmark end to end on a small shop, with peers that are missing and peers that cannot answer."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from tests.models.recommender.simulated_shop import simulated_shop
from tests.training.bench.test_recommend import _write
from training.bench.latency import HOW_TO_GET_PEERS, ask_peers, bench_latency, render, to_json


def test_ours_are_timed_and_missing_peers_are_named(tmp_path: Path) -> None:
    """Both of our ways have figures; without the peers the report says how to get them."""
    shop = _write(simulated_shop(80), tmp_path / "shop.parquet")
    report = bench_latency(shop, asked=5, rounds=1, peers=tmp_path / "no such python")

    assert [row.name for row in report.rows] == ["Uptier, retrieval only", "Uptier, ranker on"]
    assert all(row.p50_ms and row.p99_ms and row.p50_ms <= row.p99_ms for row in report.rows)
    assert report.note == HOW_TO_GET_PEERS
    assert HOW_TO_GET_PEERS in render(report)
    assert json.loads(to_json(report))["asked"] == 5


def test_a_peer_that_cannot_be_imported_is_a_row_with_its_error() -> None:
    """An interpreter without the peers answers with their errors."""
    shop = simulated_shop(10)
    rows, note = ask_peers(shop, np.array([0, 1]), Path(sys.executable), lambda _: None)

    assert note is None
    assert rows
    assert all(row.error and "ModuleNotFoundError" in row.error for row in rows)
