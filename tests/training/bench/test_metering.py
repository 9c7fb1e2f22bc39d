"""The benchmark of usage intake: it measures what is right, says so, and would see what is not."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from billing.db.session import Database
from billing.metering.ingest import ingest
from billing.metering.tables import UsageRollupRow
from training.bench.metering import NOW, bench_in_process, documents, is_whole, prepare
from training.bench.metering_load import Load, bench_over_http
from training.bench.metering_table import render, to_json

if TYPE_CHECKING:
    from pathlib import Path

SERVER = (sys.executable, "-c", "from serving.cli.main import main; main()", "serve", "--no-worker", "--port")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bench.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_both_ways_in_are_measured_and_right(url: str) -> None:
    """In process beside the raw load of the same rows, and over HTTP by several callers."""
    told: list[str] = []
    inside = bench_in_process(url, 1_500, told.append)
    load = Load(events=1_050, each=100, callers=3, seconds=0.5)
    outside, free = bench_over_http(url, load, SERVER, told.append)

    assert (inside.is_right, outside.is_right, free.is_right) == (True, True, True)
    assert (inside.events, outside.events) == (1_500, 1_050)
    assert inside.peer_seconds is not None
    assert inside.rate > 0
    assert free.events > 0
    assert free.p50_ms is not None
    assert "right" in render([inside, outside, free])
    assert '"of_raw"' in to_json([inside, outside])
    assert told


def test_what_is_wrong_is_seen(url: str) -> None:
    """An event that is missing, and a sum that is off."""
    bench = prepare(url)
    database = Database(url)
    sent = documents("run", 0, 50)
    with database.unit(bench.scope) as unit:
        ingest(unit, sent, now=NOW)

    assert is_whole(database, bench.scope, sent)
    assert not is_whole(database, bench.scope, documents("run", 0, 51))
    with database.unit(bench.scope) as unit:
        unit.session.execute(update(UsageRollupRow).values(largest=Decimal(1)))
    assert not is_whole(database, bench.scope, sent)
    database.close()
