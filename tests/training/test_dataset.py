"""Snapshots: written once, the same when read, refused when damaged, and without whom was erased."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.tabular.table import Examples, FeatureTable
from training.dataset import (
    MANIFEST,
    ROWS,
    Snapshot,
    SnapshotDamagedError,
    SnapshotKey,
    describe_rows,
    purge_snapshot,
    read_snapshot,
    write_snapshot,
)
from training.snapshots import KEPT_A_TASK, purge, snapshots_of
from training.stages import Stages

if TYPE_CHECKING:
    from pathlib import Path

KEY = SnapshotKey(
    tenant="ten_1",
    task="churn",
    as_of_us=1_000,
    horizon_days=30,
    allowance_days=14,
    feature_spec_hash="f",
    label_spec_hash="l",
    source_hash="s",
)


def snapshot(key: SnapshotKey = KEY, *, rows: int = 40) -> Snapshot:
    """Four customers at ten moments, with a hole."""
    values = np.random.default_rng(0).normal(size=(rows, 2))
    values[3, 1] = np.nan
    examples = Examples(
        FeatureTable(("orders", "spend"), values),
        np.arange(rows) % 3 == 0,
        np.array([f"cus_{row % 4}" for row in range(rows)]),
    )
    return describe_rows(key, examples, np.arange(rows, dtype=np.int64) // 4, event_us=(1, 900), received_us=(2, 990))


def same(one: Snapshot, other: Snapshot) -> bool:
    """Value for value, holes too."""
    ours, theirs = one.examples, other.examples
    return (
        np.array_equal(ours.table.values, theirs.table.values, equal_nan=True)
        and ours.table.columns == theirs.table.columns
        and np.array_equal(ours.label, theirs.label)
        and np.array_equal(ours.customers, theirs.customers)
        and np.array_equal(one.as_of_us, other.as_of_us)
    )


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    """Rows and manifest; the manifest says how many of each moment, and from when to when its sources reach."""
    written = snapshot()
    write_snapshot(written, tmp_path)

    found = read_snapshot(tmp_path)

    assert same(found, written)
    assert found.manifest == written.manifest
    assert found.manifest.sha256 == written.manifest.sha256
    assert found.manifest.moments["0"] == {"rows": 4, "positives": 2}
    assert (found.manifest.event_us, found.manifest.received_us) == ((1, 900), (2, 990))


@pytest.mark.parametrize("file", [ROWS, MANIFEST])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, file: str) -> None:
    """One value in the rows, or one in the manifest, is enough."""
    write_snapshot(snapshot(), tmp_path)
    if file == ROWS:
        other = snapshot()
        other.examples.table.values[0, 0] += 1e-9
        write_snapshot(
            describe_rows(KEY, other.examples, other.as_of_us, event_us=(1, 2), received_us=(1, 2)), tmp_path
        )
        (tmp_path / MANIFEST).write_text(json.dumps(snapshot().manifest.to_document()), encoding="utf-8")
    else:
        (tmp_path / MANIFEST).write_text("{", encoding="utf-8")

    with pytest.raises(SnapshotDamagedError):
        read_snapshot(tmp_path)


@given(st.sets(st.sampled_from(["cus_0", "cus_1", "cus_2", "cus_3", "cus_9"])))
def test_readers_never_see_whom_was_erased(erased: set[str]) -> None:
    """The others' rows stay as they were."""
    whole = snapshot()

    left = whole.without(erased)

    assert not set(left.examples.customers.tolist()) & erased
    assert len(left.examples) == sum(one not in erased for one in whole.examples.customers.tolist())
    assert left.manifest == whole.manifest


def test_a_purge_rewrites_the_file_and_says_so(tmp_path: Path) -> None:
    """No byte of the customer is left; the manifest counts it, and the hash that cards quote stays."""
    write_snapshot(snapshot(), tmp_path)
    before = read_snapshot(tmp_path).manifest

    assert purge_snapshot(tmp_path, {"cus_1", "cus_9"}) == 10
    assert purge_snapshot(tmp_path, {"cus_1"}) == 0

    found = read_snapshot(tmp_path)
    assert b"cus_1" not in (tmp_path / ROWS).read_bytes()
    assert (found.manifest.rows, found.manifest.erased) == (30, 1)
    assert found.manifest.content_hash != before.content_hash
    assert found.manifest.sha256 == before.sha256


def test_a_key_is_computed_once_and_damage_is_made_good(tmp_path: Path) -> None:
    """Another source, seed or definition is another key; a snapshot that cannot be read is computed anew; the oldest are dropped."""
    asked: list[str] = []

    def compute() -> Snapshot:
        asked.append("computed")
        return snapshot()

    shelf = snapshots_of(tmp_path, "ten_1", "churn")
    first, again = shelf.get(KEY, compute), shelf.get(KEY, compute)
    assert same(first, again)
    assert asked == ["computed"]
    assert shelf.folder is not None
    (shelf.folder / KEY.name / ROWS).write_bytes(b"")
    assert same(shelf.get(KEY, compute, erased={"cus_2"}), first.without({"cus_2"}))
    assert len(asked) == 2

    for number in range(KEPT_A_TASK + 2):
        other = SnapshotKey(**{**KEY_FIELDS, "source_hash": str(number)})
        shelf.get(other, lambda other=other: snapshot(other))  # type: ignore[misc]  # mypy cannot infer a default's type
    assert len(list(shelf.folder.iterdir())) == KEPT_A_TASK
    assert purge(tmp_path, "ten_1", {"cus_0"}) == KEPT_A_TASK * 10
    assert purge(tmp_path, "ten_2", {"cus_0"}) == 0


KEY_FIELDS = {name: getattr(KEY, name) for name in KEY.__slots__}


def test_a_stage_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """What fails half-way leaves nothing; what is there stays as it was first written; without a folder nothing is kept."""
    stages = Stages(tmp_path / "stages")

    def fail(folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        stages.keep("fitted", fail)
    assert stages.find("fitted") is None
    assert not list((tmp_path / "stages").iterdir())
    for text in ("first", "second"):
        stages.keep("fitted", lambda folder, text=text: (folder / "a.txt").write_text(text))  # type: ignore[misc]  # as above
    found = stages.find("fitted")
    assert found is not None
    assert (found / "a.txt").read_text() == "first"
    stages.clear()
    assert stages.find("fitted") is None
    Stages().keep("fitted", fail)
