"""What every feature engine must do: the golden answers written by hand, the properties of a moment, and equality with each other."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import VIEWS
from features.duckdb_engine import DuckDBEngine
from features.engine import FeatureOverflowError, SourceError
from features.fold_engine import compute_one
from features.fold_tables import FoldEngine
from features.view import DAY_US, Aggregate, FeatureView, PersonalData, Source, View, Where
from tests.strategies_features import (
    CUSTOMERS,
    Scene,
    asof_table,
    change,
    purchase,
    rows_of,
    scenes,
    source_table,
    usage,
    view_lists,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from features.engine import FeatureEngine

NOW = 20_000 * DAY_US
LATER = 20 * DAY_US
ENGINES: dict[str, Callable[[], FeatureEngine]] = {"fold": FoldEngine, "duckdb": DuckDBEngine}
SOME = settings(max_examples=25, deadline=None)


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> FeatureEngine:
    """Each engine in turn."""
    return ENGINES[request.param]()


@pytest.fixture(scope="module")
def engines() -> tuple[FeatureEngine, ...]:
    """All engines, to be compared."""
    return tuple(build() for build in ENGINES.values())


def values(engine: FeatureEngine, views: tuple[View, ...], scene: Scene) -> list[dict[str, Any]]:
    """The engine's answer as plain rows."""
    rows: list[dict[str, Any]] = engine.compute(views, scene.tables(), scene.asof_table()).to_pylist()
    return rows


def a_view(aggregate: Aggregate, **values: Any) -> FeatureView:
    """A view over purchases with the words that these tests don't care about."""
    plain = {
        "name": "x",
        "source": Source.PURCHASES,
        "description": "",
        "owner": "t",
        "personal_data": PersonalData.SPENDING,
    }
    return FeatureView(aggregate=aggregate, **{**plain, **values})


class TestEveryEngine:
    """The port's contract, run on both engines."""

    @pytest.mark.parametrize(
        ("view", "expected"),
        [
            (a_view(Aggregate.COUNT), 4),
            (a_view(Aggregate.COUNT, window_days=30), 3),
            (a_view(Aggregate.COUNT, where=(Where("item", ("tea", "mug")), Where("quantity", (2,)))), 1),
            (a_view(Aggregate.SUM, column="amount_minor"), 100 + 250 + 300 - 50),
            (a_view(Aggregate.SUM, column="amount_minor", window_days=30, dtype="float64"), 500.0),
            (a_view(Aggregate.MEAN, column="amount_minor", dtype="float64"), 150.0),
            (a_view(Aggregate.MIN, column="amount_minor"), -50),
            (a_view(Aggregate.MAX, column="amount_minor", window_days=1), -50),
            (a_view(Aggregate.COUNT_DISTINCT, column="basket"), 3),
            (a_view(Aggregate.COUNT_DISTINCT, column="item", window_days=30), 2),
            (a_view(Aggregate.ACTIVE_DAYS), 3),
            (a_view(Aggregate.DAYS_SINCE_LAST), 0),
            (a_view(Aggregate.DAYS_SINCE_LAST, where=(Where("item", ("pot",)),), default=3650), 3650),
            (a_view(Aggregate.DAYS_SINCE_FIRST), 40),
            (a_view(Aggregate.LATEST, column="amount_minor", where=(Where("item", ("tea",)),)), 300),
            (a_view(Aggregate.LATEST_IN, column="item", among=("mug", "pot")), 1),
            (a_view(Aggregate.LATEST_IN, column="item", among=("tea",)), 0),
            (
                a_view(
                    Aggregate.LATEST_IN, column="item", among=("tea",), where=(Where("quantity", (9,)),), default=-1
                ),
                -1,
            ),
            (a_view(Aggregate.MEAN_GAP_DAYS, column="basket", dtype="float64"), (40 * DAY_US - 1) / (2 * DAY_US)),
            (a_view(Aggregate.MEAN_GAP_DAYS, column="basket", window_days=1, dtype="float64", default=-1), -1.0),
        ],
        ids=lambda value: value.aggregate.value if isinstance(value, FeatureView) else str(value),
    )
    def test_golden_purchases_give_the_answers_written_by_hand(
        self, engine: FeatureEngine, view: FeatureView, expected: float
    ) -> None:
        """Three baskets: 40 days ago, exactly 30 days ago (two lines), and a microsecond ago; one line lies ahead, one is late."""
        rows = (
            purchase(NOW - 40 * DAY_US, row_id="p1", basket="b1", item="tea", amount_minor=100),
            purchase(NOW - 30 * DAY_US, row_id="p2", basket="b2", item="mug", amount_minor=250, quantity=2),
            purchase(NOW - 30 * DAY_US, row_id="p3", basket="b2", item="tea", amount_minor=300),
            purchase(NOW - 1, row_id="p4", basket="b3", item="mug", amount_minor=-50),
            purchase(NOW, row_id="p5", basket="b4", item="pot", amount_minor=7),
            purchase(NOW - 2, row_id="p6", basket="b5", item="pot", amount_minor=7, received_us=NOW + 1),
        )

        table = engine.compute(
            [view], {Source.PURCHASES: source_table(Source.PURCHASES, rows)}, asof_table([("ann", NOW)])
        )

        assert table.to_pylist() == [{"customer": "ann", "as_of_us": NOW, "x": expected}]
        assert table.schema.field("x").type == (pa.int64() if view.dtype == "int64" else pa.float64())

    def test_a_row_received_at_the_very_moment_counts_and_one_that_happens_then_does_not(
        self, engine: FeatureEngine
    ) -> None:
        """The rule is at < as-of and received <= as-of."""
        rows = (purchase(NOW - 1, row_id="p1", received_us=NOW), purchase(NOW, row_id="p2", received_us=NOW - 5))
        sources = {Source.PURCHASES: source_table(Source.PURCHASES, rows)}

        found = engine.compute(
            [a_view(Aggregate.COUNT)], sources, asof_table([("ann", NOW), ("ann", NOW - 1), ("ann", NOW + 1)])
        )

        assert found.column("x").to_pylist() == [1, 0, 2]

    def test_ties_of_time_are_broken_by_id(self, engine: FeatureEngine) -> None:
        """Of two changes at one instant, the one with the larger id is the latest, in code point order."""
        rows = [
            purchase(NOW - 5, row_id=row_id, quantity=number) for number, row_id in enumerate(("a10", "a2", "A9", "a1"))
        ]
        sources = {Source.PURCHASES: source_table(Source.PURCHASES, rows)}

        found = engine.compute([a_view(Aggregate.LATEST, column="quantity")], sources, asof_table([("ann", NOW)]))

        assert found.column("x").to_pylist() == [1]

    def test_days_before_1970_are_days_too(self, engine: FeatureEngine) -> None:
        """The last microsecond of 1969, then the first and the last of the first of January: three rows on two days."""
        rows = [purchase(at_us, row_id=f"p{at_us}") for at_us in (-1, 0, DAY_US - 1)]
        sources = {Source.PURCHASES: source_table(Source.PURCHASES, rows)}

        found = engine.compute([a_view(Aggregate.ACTIVE_DAYS)], sources, asof_table([("ann", DAY_US)]))

        assert found.column("x").to_pylist() == [2]

    def test_a_sum_beyond_64_bits_is_refused_not_wrapped(self, engine: FeatureEngine) -> None:
        """Two amounts of 2**62 sum to 2**63, which no int64 holds; as a float it would silently lose digits, so it is refused too."""
        rows = [purchase(NOW - 5, row_id=f"p{index}", amount_minor=2**62) for index in range(2)]
        sources = {Source.PURCHASES: source_table(Source.PURCHASES, rows)}

        for view in (
            a_view(Aggregate.SUM, column="amount_minor"),
            a_view(Aggregate.SUM, column="amount_minor", dtype="float64"),
            a_view(Aggregate.MEAN, column="amount_minor", dtype="float64"),
        ):
            with pytest.raises(FeatureOverflowError):
                engine.compute([view], sources, asof_table([("ann", NOW)]))

    def test_the_answer_keeps_the_order_and_the_repeats_of_the_as_ofs(self, engine: FeatureEngine) -> None:
        """Rows come back as asked, also for a customer asked for twice and one nobody knows; an empty question has an empty answer."""
        sources = {Source.PURCHASES: source_table(Source.PURCHASES, [purchase(NOW - 5, row_id="p1")])}
        asked = [("zed", NOW), ("ann", NOW), ("ann", NOW - 9), ("ann", NOW)]

        found = engine.compute([a_view(Aggregate.COUNT)], sources, asof_table(asked))
        nothing = engine.compute([a_view(Aggregate.COUNT)], sources, asof_table([]))

        assert [(row["customer"], row["as_of_us"], row["x"]) for row in found.to_pylist()] == [
            (*key, count) for key, count in zip(asked, (0, 1, 0, 1), strict=True)
        ]
        assert nothing.num_rows == 0
        assert nothing.schema == found.schema

    def test_a_source_that_a_view_reads_must_be_given(self, engine: FeatureEngine) -> None:
        """Silence would look like a customer who never bought."""
        with pytest.raises(SourceError, match="purchases"):
            engine.compute([a_view(Aggregate.COUNT)], {}, asof_table([("ann", NOW)]))

    @SOME
    @given(scene=scenes(), views=view_lists(), data=st.data())
    def test_the_future_changes_nothing(
        self, engine: FeatureEngine, scene: Scene, views: tuple[View, ...], data: st.DataObject
    ) -> None:
        """Rows at or after every as-of, or received after it, may be planted at will."""
        last = max(at for _, at in scene.asof)
        planted = {}
        for source in Source:
            ahead = data.draw(rows_of(source, last, prefix="f"))
            planted[source] = [
                {**row, "at_us": max(row["at_us"], last)}
                if index % 2
                else {**row, "at_us": row["at_us"] - LATER, "received_us": last + 1 + index}
                for index, row in enumerate(ahead)
            ]

        assert values(engine, views, scene.with_rows(planted)) == values(engine, views, scene)

    @SOME
    @given(scene=scenes(), views=view_lists(), seed=st.integers(0, 99))
    def test_the_order_of_rows_changes_nothing(
        self, engine: FeatureEngine, scene: Scene, views: tuple[View, ...], seed: int
    ) -> None:
        """A source is a set of rows."""
        shuffled = {source: tuple(random.Random(seed).sample(rows, len(rows))) for source, rows in scene.rows.items()}

        assert values(engine, views, Scene(shuffled, scene.asof)) == values(engine, views, scene)

    @settings(max_examples=12, deadline=None)
    @given(scene=scenes(), views=view_lists())
    def test_asking_in_parts_gives_the_parts_of_the_answer(
        self, engine: FeatureEngine, scene: Scene, views: tuple[View, ...]
    ) -> None:
        """An as-of's answer does not depend on what else is asked with it: neither as-ofs nor views."""
        whole = values(engine, views, scene)

        by_row = [row for key in scene.asof for row in values(engine, views, Scene(scene.rows, (key,)))]
        by_view = [values(engine, (view,), scene) for view in views]

        assert by_row == whole
        assert [
            {key: each for part in parts for key, each in part.items()} for parts in zip(*by_view, strict=True)
        ] == whole

    @SOME
    @given(scene=scenes(), views=view_lists(), customer=st.sampled_from(CUSTOMERS))
    def test_the_rows_of_others_change_nothing(
        self, engine: FeatureEngine, scene: Scene, views: tuple[View, ...], customer: str
    ) -> None:
        """A customer's features are made of that customer's rows alone."""
        asof = tuple((customer, at) for _, at in scene.asof)
        own = {source: tuple(row for row in rows if row["customer"] == customer) for source, rows in scene.rows.items()}

        assert values(engine, views, Scene(own, asof)) == values(engine, views, Scene(scene.rows, asof))


@settings(max_examples=120, deadline=None)
@given(scene=scenes(), views=view_lists())
def test_both_engines_agree_value_for_value_on_any_views(
    engines: tuple[FeatureEngine, ...], scene: Scene, views: tuple[View, ...]
) -> None:
    """SQL and the fold were written apart, so agreement to the last bit means that the declaration has one meaning."""
    fold, sql = (engine.compute(views, scene.tables(), scene.asof_table()) for engine in engines)

    assert sql.schema == fold.schema
    assert sql.to_pylist() == fold.to_pylist()


@SOME
@given(scene=scenes())
def test_both_engines_agree_on_the_whole_catalogue_and_with_the_answer_for_one(
    engines: tuple[FeatureEngine, ...], scene: Scene
) -> None:
    """What training computes for many is what the service computes for one customer online."""
    fold, sql = (values(engine, VIEWS, scene) for engine in engines)
    online = [compute_one(VIEWS, scene.rows, customer, at) for customer, at in scene.asof]

    assert sql == fold
    assert [list(row.items())[2:] for row in fold] == [list(answer.items()) for answer in online]


def test_all_sources_meet_in_one_answer(engine: FeatureEngine) -> None:
    """A purchase, a use and a change of one customer are told by one call, from three tables."""
    scene = Scene(
        {
            Source.PURCHASES: (purchase(NOW - DAY_US, row_id="p1", amount_minor=500),),
            Source.USAGE: (usage(NOW - 2 * DAY_US, row_id="u1"),),
            Source.SUBSCRIPTIONS: (change(NOW - 3 * DAY_US, "started", row_id="s1"),),
        },
        (("ann", NOW),),
    )

    row = values(engine, VIEWS, scene)[0]

    assert (row["spend_30d_minor"], row["usage_7d_micro"], row["tenure_days"]) == (500, 1_000_000, 3)
