"""The next-basket benchmark: counts that can be checked by hand, a habit that is found, and files that are refused with a sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.recommender.contract import Histories
from training.bench.next_basket import (
    NOW_US,
    BasketsFileError,
    BasketsFileMissingError,
    bench_next_basket,
    on_a_clock,
    read_baskets,
    to_json,
)
from training.bench.next_basket_baselines import fit_own_then_everyone, tifu_vectors
from training.bench.next_basket_table import render

if TYPE_CHECKING:
    from pathlib import Path


def _write(path: Path, baskets: dict[str, list[list[Any]]]) -> Path:
    path.write_text(json.dumps({name: [[-1], *found, [-1]] for name, found in baskets.items()}), encoding="utf-8")
    return path


def _habits(customers: int) -> tuple[dict[str, list[list[Any]]], dict[str, list[list[Any]]]]:
    """Each customer takes three own items in most baskets, and something else now and then."""
    rng = np.random.default_rng(0)
    past, later = {}, {}
    for customer in range(customers):
        own = rng.choice(40, size=3, replace=False).tolist()
        baskets = [[item for item in own if rng.random() < 0.8] + [int(rng.integers(0, 40))] for _ in range(7)]
        past[str(customer)], later[str(customer)] = (
            [list(dict.fromkeys(one)) for one in baskets[:6]],
            [list(dict.fromkeys(baskets[6]))],
        )
    return past, later


def test_own_counts_come_first_and_everyones_break_ties(tmp_path: Path) -> None:
    """By hand: b twice, a once, then what everyone takes."""
    path = _write(tmp_path / "h.json", {"1": [["a", "b"], ["b"]], "2": [["c"], ["c", "d"]], "3": [["c"]]})
    known = on_a_clock(read_baskets(path))
    scores = fit_own_then_everyone(known, NOW_US).score(Histories.of(known, np.array([0]), NOW_US))[0]

    assert known.items[np.argsort(-scores, kind="stable")].tolist() == ["b", "a", "c", "d"]


def test_a_tifu_vector_fades_from_basket_to_basket(tmp_path: Path) -> None:
    """Two baskets, one group: the last one weighs 1/2, the one before nine tenths of it."""
    path = _write(tmp_path / "h.json", {"1": [["a"], ["b"]]})
    known = on_a_clock(read_baskets(path))

    assert tifu_vectors(Histories.of(known, np.array([0]), NOW_US)).toarray().tolist() == [[0.45, 0.5]]


def test_habits_are_found_and_told(tmp_path: Path) -> None:
    """Repeats are found far more often than everyone's favourites find them, and text and JSON say the same."""
    past, later = _habits(120)
    history, future = _write(tmp_path / "h.json", past), _write(tmp_path / "f.json", later)
    report = bench_next_basket(history, future, k=4)
    rows = {row.name.split(" ")[0]: row for row in report.rows}

    assert rows["ranker"].repeats is not None
    assert rows["G-TopFreq"].repeats is not None
    assert rows["ranker"].repeats.low > rows["G-TopFreq"].repeats.high
    assert report.verdict in render(report)
    assert json.loads(to_json(report))["verdict"] == report.verdict


def test_what_is_no_file_of_baskets_is_refused(tmp_path: Path) -> None:
    """Missing, no JSON, or another shape: an error with a sentence."""
    (tmp_path / "text.json").write_text("hello", encoding="utf-8")
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(BasketsFileMissingError):
        read_baskets(tmp_path / "none.json")
    for name in ("text.json", "list.json"):
        with pytest.raises(BasketsFileError):
            read_baskets(tmp_path / name)
