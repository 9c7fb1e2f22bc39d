"""The benchmark of the gate measures what it says: right answers, every contender, and a change that is really heard of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from serving.bench import gating
from serving.bench.gating import heard, in_process, is_right, prepare
from serving.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.servers
def test_it_measures_right_answers(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours is right and beside two others; changes arrive."""
    monkeypatch.setattr(gating, "ROUNDS", 1)
    settings = Settings(home=tmp_path, redis_url=redis_url, mlflow_uri="off", _env_file=None)
    bench = prepare(settings)
    assert is_right(bench)

    found = in_process(bench, lambda _: None)
    told = heard(bench, settings, 3)

    assert {each.who for each in found} == {"uptier", "growthbook", "openfeature"}
    assert all(each.micros > 0 for each in found)
    assert 0 < told.p50_ms <= told.worst_ms
    assert bench.services.bus is not None
    bench.services.bus.close()
    bench.services.database.close()
