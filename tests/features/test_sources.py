"""From rows to sources: every value exact, the future left out, and online features equal to those computed in bulk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.metering.event import UsageEvent
from billing.metering.ingest import ingest
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from features.bulk import tables_before
from features.catalog import VIEWS
from features.duckdb_engine import DuckDBEngine
from features.online import features_of
from features.source_tables import source_schema
from features.sources import COLUMNS, _micro, instant_of, microseconds, rows_before, rows_of_customer
from features.view import DAY_US, Source
from tests.shop import START, Shop, delivery, open_shop
from tests.strategies_features import asof_table
from tests.training.stocked import Stocked, stock
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def _id(shop: Shop, key: str = "ann") -> str:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get(key).id


def _use(
    shop: Shop, *events: tuple[str, datetime, Any], received_at: datetime | None = None, source: str = "api"
) -> None:
    """Store Ann's events of (id, moment, quantity)."""
    with shop.database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(["ann"])
        stored = [
            UsageEvent(
                id=event_id,
                source=source,
                type="delivery",
                customer="ann",
                at=at,
                data={} if quantity is None else {"quantity": quantity},
            )
            for event_id, at, quantity in events
        ]
        EventStore(unit).insert(stored, ids, received_at)


def _buy(shop: Shop, *lines: tuple[str, datetime], quantity: int = 2, amount_minor: int = 1999) -> None:
    """Store Ann's lines of (key, moment)."""
    ann = _id(shop)
    with shop.database.unit(shop.scope) as unit:
        rows = [
            {
                "key": key,
                "customer_id": ann,
                "item": "tea",
                "basket": f"basket {key}",
                "at": at,
                "received_at": at,
                "quantity": quantity,
                "amount_minor": amount_minor,
                "currency": "EUR",
            }
            for key, at in lines
        ]
        PurchaseStore(unit).insert(rows)


def _rows(shop: Shop, source: Source, moment: datetime) -> list[dict[str, Any]]:
    with shop.database.view(shop.scope) as unit:
        return [dict(zip(COLUMNS[source], row, strict=True)) for row in rows_before(unit, source, moment)]


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001 (hypothesis wants naive bounds)
def test_an_instant_and_its_microseconds_are_the_same_thing(moment: datetime) -> None:
    """Exact both ways over all of time, with no binary fraction in between."""
    assert instant_of(microseconds(moment)) == moment
    assert microseconds(moment + TICK) == microseconds(moment) + 1


@given(st.decimals(-(10**8), 10**8, places=6))
def test_quantities_become_millionths_exactly(quantity: Decimal) -> None:
    """As text (what a number with a point is stored as) or as a whole number."""
    assert _micro(str(quantity)) == int(quantity * 10**6)
    assert _micro(int(quantity)) == int(quantity) * 10**6


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text() | st.floats(), st.lists, max_leaves=3))
def test_whatever_stands_as_a_quantity_is_a_64_bit_number(value: object) -> None:
    """One for what is no number; a mistake of a billion times a billion stays small enough that sums of many still fit."""
    assert -(2**50) <= _micro(value) <= 2**50


@pytest.mark.parametrize(
    "value", ["1e999999", "-1e999999", "1e-999999", "9" * 900, "Infinity", "NaN", "1e18", "0x10", ""]
)
def test_a_monstrous_quantity_cannot_stop_a_training_run(value: str) -> None:
    """One event with it is a mistake of one customer, not the end of everybody's models."""
    assert -(2**50) <= _micro(value) <= 2**50


def test_a_purchase_is_read_as_it_was_written(shop: Shop) -> None:
    """Every column, the moment to the microsecond."""
    at = START + timedelta(microseconds=123_457)
    _buy(shop, ("b1:tea", at))

    assert _rows(shop, Source.PURCHASES, START + timedelta(days=1)) == [
        {
            "customer": _id(shop),
            "item": "tea",
            "basket": "basket b1:tea",
            "at_us": (at - EPOCH) // TICK,
            "received_us": (at - EPOCH) // TICK,
            "quantity": 2,
            "amount_minor": 1999,
            "id": "b1:tea",
        }
    ]


def test_usage_is_read_with_its_quantity_and_when_it_became_known(shop: Shop) -> None:
    """Half units, units left out, whole units; an event that arrived late is known when it arrived."""
    late = START + timedelta(days=2)
    _use(shop, ("e1", START, "0.5"), ("e2", START + TICK, None), ("e3", START + 2 * TICK, 7), received_at=late)

    rows = _rows(shop, Source.USAGE, START + timedelta(days=1))

    assert [(row["id"], row["quantity_micro"], row["at_us"] - microseconds(START)) for row in rows] == [
        ("api\x1fe1", 500_000, 0),
        ("api\x1fe2", 1_000_000, 1),
        ("api\x1fe3", 7_000_000, 2),
    ]
    assert {row["received_us"] for row in rows} == {microseconds(late)}
    assert {row["meter"] for row in rows} == {"delivery"}


def test_events_of_one_moment_are_told_apart_by_source_and_id(shop: Shop) -> None:
    """Two sources may use the same id, and a separator inside an id cannot make two of them one."""
    _use(shop, ("1", START, 1), ("a\x1fb", START, 2), source="x")
    _use(shop, ("1", START, 3), source="y")

    rows = _rows(shop, Source.USAGE, START + TICK)

    assert sorted((row["id"], row["quantity_micro"] // 10**6) for row in rows) == [
        ("x\x1f1", 1),
        ("x\x1fa\x1fb", 2),
        ("y\x1f1", 3),
    ]


def test_the_rows_come_in_one_order_whatever_order_they_were_written_in(shop: Shop) -> None:
    """By moment, then identity, so that the same data has the same hash on every engine."""
    moments = [START + TICK * number for number in (5, 1, 3, 1)]
    _buy(shop, *((f"k{number}", at) for number, at in enumerate(moments)))
    _use(shop, *((f"k{number}", at, 1) for number, at in enumerate(moments)))

    for source in (Source.PURCHASES, Source.USAGE):
        rows = _rows(shop, source, START + timedelta(days=1))
        assert [row["id"].split("\x1f")[-1] for row in rows] == ["k1", "k3", "k2", "k0"]


def test_the_moment_itself_and_the_future_are_not_in_the_tables(shop: Shop) -> None:
    """Half-open: a microsecond before is in, the moment is not."""
    moments = [START - TICK, START, START + TICK]
    _buy(shop, *((f"k{number}", at) for number, at in enumerate(moments)))
    _use(shop, *((f"k{number}", at, 1) for number, at in enumerate(moments)))

    with shop.database.view(shop.scope) as unit:
        tables = tables_before(unit, START)
        one = rows_of_customer(unit, _id(shop), START)

    for source in (Source.PURCHASES, Source.USAGE):
        assert tables[source].column("at_us").to_pylist() == [microseconds(START) - 1]
        assert [row["at_us"] for row in one[source]] == [microseconds(START) - 1]


def test_the_tables_have_the_declared_types_also_when_empty(shop: Shop) -> None:
    """What an engine reads is what the views declare, with rows or without."""
    with shop.database.view(shop.scope) as unit:
        tables = tables_before(unit, START)

    for source, table in tables.items():
        assert table.num_rows == 0
        declared = source_schema(source)
        assert {field.name: field.type for field in table.schema} == {field.name: field.type for field in declared}


def test_another_tenants_rows_are_in_no_table(shop: Shop) -> None:
    """Neither in bulk nor for a customer of the same key."""
    other = open_shop(shop.database, "Leaf Lane")
    _buy(shop, ("k1", START - TICK))
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", "d1", START - TICK)], now=START)

    with other.database.view(other.scope) as unit:
        assert all(table.num_rows == 0 for table in tables_before(unit, START).values())
        assert all(not rows for rows in rows_of_customer(unit, _id(shop), START).values())


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stocked]:
    """A simulated shop of a hundred and twenty members."""
    url = f"sqlite:///{tmp_path_factory.mktemp('sources') / 'uptier.db'}"
    upgrade(url)
    database = Database(url)
    yield stock(database, simulate(ShopSpec(customers=120, days=200, seed=4)))
    database.close()


@pytest.mark.parametrize("ago_days", [0, 45, 180])
def test_online_features_equal_those_in_bulk_value_for_value(stocked: Stocked, ago_days: int) -> None:
    """Every declared feature of forty members and a stranger: the fold over one customer's rows against DuckDB over all."""
    now = stocked.now - timedelta(days=ago_days)
    chosen = [*np.random.default_rng(ago_days).choice(stocked.ids, 40, replace=False).tolist(), "cus_nobody"]
    with stocked.database.view(stocked.scope) as unit:
        online = [features_of(unit, customer, now=now) for customer in chosen]
        tables = tables_before(unit, now)

    found = DuckDBEngine().compute(VIEWS, tables, asof_table([(customer, microseconds(now)) for customer in chosen]))

    bulk = found.select([view.name for view in VIEWS]).to_pylist()
    assert bulk == online
    assert [{name: type(value) for name, value in row.items()} for row in bulk] == [
        {name: type(value) for name, value in row.items()} for row in online
    ]
    assert any(row["orders_365d"] for row in online)


def test_history_beyond_the_moment_changes_no_feature_of_it(stocked: Stocked) -> None:
    """Tables read at the end of the simulation give the same values for an earlier moment as tables read at that moment."""
    then = stocked.now - timedelta(days=60)
    asof = asof_table([(customer, microseconds(then)) for customer in stocked.ids])
    with stocked.database.view(stocked.scope) as unit:
        early, late = (tables_before(unit, moment) for moment in (then, stocked.now))

    assert late[Source.PURCHASES].num_rows > early[Source.PURCHASES].num_rows
    assert early[Source.PURCHASES].num_rows * DAY_US > 0
    assert DuckDBEngine().compute(VIEWS, late, asof).equals(DuckDBEngine().compute(VIEWS, early, asof))
