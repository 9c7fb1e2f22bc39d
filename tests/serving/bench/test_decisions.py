"""The benchmark of decisions fills a shop in which half are offered something, and says when an answer is not stored."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from fastapi.testclient import TestClient

from serving.application import create_app
from serving.bench.decision_stub import FLAGS, evaluated
from serving.bench.decisions import Bench, Watch, prepare
from serving.bench.decisions_table import render, to_json
from serving.settings import Settings
from training.bench.http_load import Load

if TYPE_CHECKING:
    from pathlib import Path


def test_it_measures_right_answers(tmp_path: Path) -> None:
    """Ten customers, asked twice: every answer is stored, open offers once, and a missing row would be told."""
    settings = Settings(home=tmp_path, mlflow_uri="off", holdout_per_ten_thousand=0, _env_file=None)
    ready = prepare(settings, 10, lambda _: None)
    watch, load, runs = Watch(ready), Load(10, 1.0, [1.0] * 10, 0.1), []
    with TestClient(create_app(ready.services)) as client:
        for _ in range(2):
            for customer in ready.customers:
                headers = {"Authorization": f"Bearer {ready.key}"}
                watch.hear(client.post("/v1/decisions", json={"customer": customer}, headers=headers).content)
            runs.append(watch.driven("asked", load))
    ready.services.database.close()

    report = Bench(engine="sqlite", has_redis=False, customers=10, rate=1.0, runs=runs, most_places=1, allowed_places=1)
    assert report.is_right
    assert [run.reasons for run in runs] == [{"offer": 5, "nothing_to_offer": 5}] * 2
    assert [run.stored for run in runs] == [10, 5]
    assert not replace(report, runs=[replace(runs[0], stored=9)]).is_right
    assert not replace(report, most_places=2).is_right
    assert json.loads(to_json(report))["runs"][0]["stored"] == 10
    assert "CPU ms each" in render(report)


def test_the_stub_evaluates_what_it_says() -> None:
    """Fifty flags, each the same for the same customer."""
    answer = json.loads(evaluated(b'{"customer": "ann"}'))

    assert [flag["key"] for flag in answer["flags"]] == list(FLAGS)
    assert {flag["value"] for flag in answer["flags"]} == {True, False}
    assert evaluated(b'{"customer": "ann"}') == evaluated(b'{"customer": "ann", "placement": "home"}')
