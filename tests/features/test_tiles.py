"""Tiles answer midnights as the rows do, to the last bit, whatever came late; they grow without being rebuilt, and refuse other moments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from hypothesis import given, settings

from features.duckdb_engine import DuckDBEngine
from features.fold_tables import FoldEngine
from features.tiles import TileEngine, TileGrainError, TileMismatchError, rows_of
from features.view import DAY_US, Aggregate, Source, Where
from tests.features.test_conformance import a_view
from tests.strategies_features import Scene, asof_table, purchase, scenes, source_table, view_lists
from training.bench.features_data import shop_views

if TYPE_CHECKING:
    from features.view import View

NOW = 20_000 * DAY_US
TILES = TileEngine()


def at_midnights(scene: Scene) -> Scene:
    """The scene asked about at the midnights before its moments."""
    return Scene(scene.rows, tuple((customer, at - at % DAY_US) for customer, at in scene.asof))


@settings(max_examples=30, deadline=None)
@given(scene=scenes(), views=view_lists())
def test_tiles_give_the_values_of_the_rows(scene: Scene, views: tuple[View, ...]) -> None:
    """Any views over any histories, rows of the day before the day, and rows that came forty days late."""
    asked = at_midnights(scene)

    found = TILES.compute(views, TILES.build(views, asked.tables()), asked.asof_table())

    assert found.equals(FoldEngine().compute(views, asked.tables(), asked.asof_table()))


@settings(max_examples=15, deadline=None)
@given(scene=scenes(), views=view_lists())
def test_tiles_grow_by_what_arrived(scene: Scene, views: tuple[View, ...]) -> None:
    """Built up to a midnight and grown by the rows that arrived after it, they answer as if they had been built at once."""
    asked = at_midnights(scene)
    middle = asked.asof[0][1]
    before = {source: tuple(row for row in rows if row["received_us"] <= middle) for source, rows in scene.rows.items()}
    after = {source: tuple(row for row in rows if row["received_us"] > middle) for source, rows in scene.rows.items()}

    grown = TILES.grow(views, TILES.build(views, Scene(before, asked.asof).tables()), Scene(after, asked.asof).tables())

    found = TILES.compute(views, grown, asked.asof_table())
    assert found.equals(DuckDBEngine().compute(views, asked.tables(), asked.asof_table()))


def test_a_moment_within_a_day_is_refused() -> None:
    """The tiles of the day would count rows that lie ahead."""
    views = [a_view(Aggregate.COUNT)]
    tiles = TILES.build(views, {Source.PURCHASES: source_table(Source.PURCHASES, [purchase(NOW, row_id="p1")])})

    with pytest.raises(TileGrainError):
        TILES.compute(views, tiles, asof_table([("ann", NOW + 1)]))


def test_tiles_of_other_views_are_refused() -> None:
    """A condition of one list is not that of another, though both are its first."""
    tea, mug = (a_view(Aggregate.COUNT, where=(Where("item", (item,)),)) for item in ("tea", "mug"))
    tiles = TILES.build([tea], {Source.PURCHASES: source_table(Source.PURCHASES, [purchase(NOW, row_id="p1")])})

    with pytest.raises(TileMismatchError):
        TILES.compute([mug], tiles, asof_table([("ann", NOW)]))


def test_a_busy_customer_s_many_rows_become_one_tile_a_day() -> None:
    """A thousand rows on two days, and one that came late, are three tiles; the sum is what it was."""
    rows = [purchase(NOW + index % 2 * DAY_US + index, row_id=f"p{index}") for index in range(1000)]
    late = purchase(NOW + 5, row_id="late", received_us=NOW + 9 * DAY_US + 1)
    views = [
        a_view(Aggregate.SUM, column="amount_minor", window_days=2, where=(Where("item", ("tea",)),)),
        a_view(Aggregate.COUNT, name="n"),
    ]
    tiles = TILES.build(views, {Source.PURCHASES: source_table(Source.PURCHASES, [*rows, late])})

    found = TILES.compute(views, tiles, asof_table([("ann", NOW + 2 * DAY_US), ("ann", NOW + 10 * DAY_US)]))

    assert rows_of(tiles) == 3
    assert found.to_pylist() == [
        {"customer": "ann", "as_of_us": NOW + 2 * DAY_US, "x": 100_000, "n": 1000},
        {"customer": "ann", "as_of_us": NOW + 10 * DAY_US, "x": 0, "n": 1001},
    ]


def test_the_catalogue_s_shop_views_need_few_tiles() -> None:
    """One for all sums, and one for each of baskets and items, however many windows there are."""
    empty = {Source.PURCHASES: source_table(Source.PURCHASES, [])}

    tiles = TILES.build(shop_views(), empty)

    assert len(tiles) == 3
    assert isinstance(next(iter(tiles.values())), pa.Table)
