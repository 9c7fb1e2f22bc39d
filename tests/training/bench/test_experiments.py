"""The simulated experiments: their own arithmetic, and that the product's rows keep what the others break."""

from __future__ import annotations

import json
from functools import cache

import pytest

from training.bench.experiments import KINDS, Report, Setting, bench_experiments
from training.bench.experiments_table import render, to_json

RULES = {
    "sequence, read daily",
    "two planned looks",
    "one fixed test at the end",
    "the fixed test, read daily",
    "chance to win past 95 %, read daily",
}


@cache
def _report() -> Report:
    return bench_experiments(Setting(runs=100, units_an_arm=300, days=14, base=0.1, lift=0.5, seed=4), lambda _: None)


def test_every_rule_is_judged_on_each_metric_with_and_without_a_lift() -> None:
    """The same rows for conversion and revenue; peeking is seen to err, the sequence not."""
    found = {(row.rule, row.kind, row.lift): row for row in _report().rows}

    assert set(found) == {(rule, kind, lift) for rule in RULES for kind in KINDS for lift in (0.0, 0.5)}
    for kind in KINDS:
        assert found["sequence, read daily", kind, 0.0].decided <= 0.05
        assert found["the fixed test, read daily", kind, 0.0].decided > 0.1
        assert found["two planned looks", kind, 0.5].won > found["sequence, read daily", kind, 0.5].won


def test_the_table_and_the_document_say_the_same() -> None:
    """A share that the document holds is printed in the table."""
    report = _report()
    document, table = json.loads(to_json(report)), render(report)

    assert document["setting"]["runs"] == 100
    assert [f"{row['won']:.2%}" in table for row in document["rows"]] == [True] * len(document["rows"])
    assert document["false_alarms"]["anytime, read daily"] == pytest.approx(0, abs=0.005)
