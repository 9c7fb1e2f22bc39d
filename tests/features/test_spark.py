"""Apache Spark gives the fold's values to the last bit: golden rows, any views, a shop's histories, overflow and defaults."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings

from features.catalog import VIEWS
from features.duckdb_engine import DuckDBEngine
from features.engine import FeatureOverflowError, SourceError
from features.fold_tables import FoldEngine
from features.spark_engine import SparkEngine, SparkMissingError, local_session
from features.view import DAY_US, Aggregate, Source, Where
from tests.features.test_conformance import NOW, a_view
from tests.strategies_features import Scene, asof_table, change, purchase, scenes, source_table, usage, view_lists
from training.bench.features_data import shop, shop_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from features.view import View

LATE = 40 * DAY_US


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkEngine]:
    """An engine over one session for all of these tests, which is ended with them."""
    session = local_session()
    yield SparkEngine(session)
    session.stop()


EVERY_AGGREGATE = (
    a_view(Aggregate.COUNT, name="n"),
    a_view(Aggregate.COUNT, name="n_tea", window_days=30, where=(Where("item", ("tea", "it's")),)),
    a_view(Aggregate.SUM, name="total", column="amount_minor"),
    a_view(Aggregate.MEAN, name="mean", column="amount_minor", window_days=30, dtype="float64", default=-1),
    a_view(Aggregate.MIN, name="least", column="amount_minor"),
    a_view(Aggregate.MAX, name="most", column="amount_minor", window_days=1, default=-7),
    a_view(Aggregate.COUNT_DISTINCT, name="baskets", column="basket"),
    a_view(Aggregate.ACTIVE_DAYS, name="days"),
    a_view(Aggregate.DAYS_SINCE_LAST, name="since", default=3650),
    a_view(Aggregate.DAYS_SINCE_FIRST, name="age"),
    a_view(Aggregate.LATEST, name="latest", column="quantity"),
    a_view(Aggregate.LATEST_IN, name="tea_last", column="item", among=("tea",), default=-1),
    a_view(Aggregate.MEAN_GAP_DAYS, name="gap", column="basket", dtype="float64"),
)
"""One view of each aggregate, over purchases."""


@pytest.mark.scale
class TestSpark:
    """What the conformance suite asks of the engines at hand, asked of Spark."""

    def test_every_aggregate_on_rows_at_the_edges_is_the_fold_s(self, spark: SparkEngine) -> None:
        """Equal times with ids in code point order, window bounds, late rows, days before 1970, large amounts, and nobody."""
        rows = (
            purchase(NOW - 40 * DAY_US, row_id="a1", basket="b1", amount_minor=2**61),
            purchase(NOW - 30 * DAY_US, row_id="a2", basket="b2", amount_minor=-(2**61), item="it's"),
            purchase(NOW - 30 * DAY_US - 1, row_id="a3", basket="b2", amount_minor=2**53 + 1),
            *(purchase(NOW - 5, row_id=row, quantity=at) for at, row in enumerate(("a10", "a2x", "A9", "é", "z", "𝒳"))),
            purchase(NOW, row_id="a4", amount_minor=7),
            purchase(NOW - 2, row_id="a5", amount_minor=7, received_us=NOW + 1),
            *(purchase(at_us, row_id=f"old{at_us}", customer="old") for at_us in (-1, 0, DAY_US - 1)),
        )
        tables = {Source.PURCHASES: source_table(Source.PURCHASES, rows)}
        asof = asof_table([("ann", NOW), ("nobody", NOW), ("ann", NOW - 9), ("old", DAY_US), ("ann", NOW)])

        found = spark.compute(EVERY_AGGREGATE, tables, asof)

        assert found.equals(FoldEngine().compute(EVERY_AGGREGATE, tables, asof))

    @settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
    @given(scene=scenes(), views=view_lists())
    def test_any_views_are_the_fold_s(self, spark: SparkEngine, scene: Scene, views: tuple[View, ...]) -> None:
        """Generated views over generated histories of every source."""
        found = spark.compute(views, scene.tables(), scene.asof_table())

        assert found.to_pylist() == FoldEngine().compute(views, scene.tables(), scene.asof_table()).to_pylist()

    def test_a_shop_s_histories_are_duckdb_s_and_so_are_spark_s_own_tables(self, spark: SparkEngine) -> None:
        """Ten thousand lines of five hundred customers, handed over by Arrow and as Spark's own tables."""
        purchases, asof = shop(10_000, 500)
        expected = DuckDBEngine().compute(shop_views(), {Source.PURCHASES: purchases}, asof)
        session = spark.session

        found = spark.compute(shop_views(), {Source.PURCHASES: purchases}, asof)
        frames = {Source.PURCHASES: session.createDataFrame(purchases)}
        own = spark.compute_frames(shop_views(), frames, session.createDataFrame(asof)).toArrow()

        assert found.equals(expected)
        assert own.sort_by("customer").to_pydict() == expected.sort_by("customer").to_pydict()

    def test_a_sum_that_passes_64_bits_on_its_way_is_right_and_one_that_ends_there_is_refused(
        self, spark: SparkEngine
    ) -> None:
        """Spark's own sum of bigints would refuse the first and, without ANSI rules, wrap the second."""
        view = a_view(Aggregate.SUM, column="amount_minor")
        over = [purchase(NOW - 5, row_id=f"p{index}", amount_minor=2**62) for index in range(2)]
        back = purchase(NOW - 5, row_id="p9", amount_minor=-1)
        asof = asof_table([("ann", NOW)])

        whole = spark.compute([view], {Source.PURCHASES: source_table(Source.PURCHASES, [*over, back])}, asof)

        assert whole.column("x").to_pylist() == [2**63 - 1]
        with pytest.raises(FeatureOverflowError):
            spark.compute([view], {Source.PURCHASES: source_table(Source.PURCHASES, over)}, asof)

    def test_the_catalogue_meets_all_sources_under_another_time_zone(
        self, spark: SparkEngine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The machine's zone is not the session's, and no instant is ever a timestamp."""
        monkeypatch.setenv("TZ", "America/New_York")
        scene = Scene(
            {
                Source.PURCHASES: (purchase(NOW - DAY_US, row_id="p1"), purchase(NOW - LATE, row_id="p2")),
                Source.USAGE: (usage(NOW - 2 * DAY_US + 3_600_000_000, row_id="u1"),),
                Source.SUBSCRIPTIONS: (change(NOW - 3 * DAY_US, "started", row_id="s1"),),
            },
            (("ann", NOW),),
        )

        found = spark.compute(VIEWS, scene.tables(), scene.asof_table())

        assert found.to_pylist() == FoldEngine().compute(VIEWS, scene.tables(), scene.asof_table()).to_pylist()

    def test_a_source_that_is_missing_is_named(self, spark: SparkEngine) -> None:
        """Before anything is handed to Spark."""
        with pytest.raises(SourceError, match="purchases"):
            spark.compute([a_view(Aggregate.COUNT)], {}, asof_table([("ann", NOW)]))


def test_a_machine_without_spark_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is optional; its absence is a sentence, not a traceback."""
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(SparkMissingError, match="scale"):
        local_session()
