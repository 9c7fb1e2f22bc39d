"""Tiles come back from their files as they were, grown and read without whom was erased."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from features.tile_files import KeptTiles, NoTilesError, read_tiles, write_tiles
from features.tiles import TileEngine
from features.view import DAY_US, Aggregate, Source
from tests.features.test_conformance import a_view
from tests.strategies_features import asof_table, purchase, source_table

if TYPE_CHECKING:
    from pathlib import Path

NOW = 20_000 * DAY_US
VIEWS = (
    a_view(Aggregate.SUM, name="spend", column="amount_minor", window_days=30),
    a_view(Aggregate.COUNT_DISTINCT, name="items", column="item"),
    a_view(Aggregate.LATEST, name="last", column="quantity"),
)


def test_tiles_are_kept_read_grown_and_kept_again(tmp_path: Path) -> None:
    """Two days of a life, with a restart between; Bob is erased before the last reading."""
    engine, folder, asof = (
        TileEngine(),
        tmp_path / "tiles",
        asof_table([("ann", NOW + 2 * DAY_US), ("bob", NOW + 2 * DAY_US)]),
    )
    first = [purchase(NOW + 5, row_id="p1", quantity=4), purchase(NOW + 6, row_id="p2", customer="bob")]
    second = [purchase(NOW + DAY_US + 5, row_id="p3", item="mug", amount_minor=2**60)]
    write_tiles(
        KeptTiles(engine.build(VIEWS, {Source.PURCHASES: source_table(Source.PURCHASES, first)}), NOW + DAY_US), folder
    )

    kept = read_tiles(folder)
    grown = engine.grow(VIEWS, kept.tiles, {Source.PURCHASES: source_table(Source.PURCHASES, second)})
    write_tiles(KeptTiles(grown, NOW + 2 * DAY_US), folder)
    found = engine.compute(VIEWS, read_tiles(folder, erased=["bob"]).tiles, asof).to_pylist()

    assert kept.known_until_us == NOW + DAY_US
    assert [(row["spend"], row["items"], row["last"]) for row in found] == [(2**60 + 100, 2, 1), (0, 0, 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["tiles"]


def test_an_empty_folder_has_no_tiles(tmp_path: Path) -> None:
    """And says so."""
    with pytest.raises(NoTilesError):
        read_tiles(tmp_path)
