"""Rollups under many writers: whoever stores, amends and builds at the same time, at the end they are what the events add up to."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.period import Period
from billing.metering.amend import amend
from billing.metering.ingest import ingest
from billing.metering.roll_up import prove_rollups, roll_up_new
from billing.metering.rollup_store import RollupStore
from billing.metering.store import EventStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

ROUNDS = 12
DAY = Period(START - timedelta(days=1), START)
PLAIN = Meter(key="kg", name="kg", event_type="parcel", aggregation=Aggregation.SUM, prop="kg")
FILTERED = Meter(
    key="kg", name="kg", event_type="parcel", aggregation=Aggregation.SUM, prop="kg", filters={"of": ("a",)}
)


def _parcel(number: int) -> dict[str, Any]:
    at = (START - timedelta(minutes=1 + number % 90)).isoformat()
    return {"id": str(number), "type": "parcel", "customer": "ann", "time": at, "data": {"kg": "1.25", "of": "a"}}


def test_writers_amenders_and_builders_agree_at_the_end(database: Database) -> None:
    """Overlapping batches from four, corrections by one, and a meter that changes and is built anew all the while."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        ingest(unit, [_parcel(number) for number in range(ROUNDS)], now=START)

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(_store, shop, writer) for writer in range(4)]
        jobs += [pool.submit(_amend, shop), pool.submit(_change, shop)]
        for job in jobs:
            job.result(120)

    with database.unit(shop.scope) as unit:
        roll_up_new(unit, now=START)
    with database.view(shop.scope) as unit:
        who = CustomerStore(unit).get("ann").id
        assert RollupStore(unit).read(PLAIN, {who: DAY}) is not None
        assert list(prove_rollups(unit)) == []
        events = 10 * ROUNDS + 3 * 5
        assert EventStore(unit).quantity(who, PLAIN, DAY) * 4 == 5 * (events - ROUNDS)


def _store(shop: Shop, writer: int) -> None:
    for start in range(ROUNDS):
        first = 10 * start + 5 * writer
        with shop.database.unit(shop.scope) as unit:
            ingest(unit, [_parcel(number) for number in range(first, first + 10)], now=START)


def _amend(shop: Shop) -> None:
    for number in range(ROUNDS):
        with shop.database.unit(shop.scope) as unit:
            amend(unit, "api", str(number), {"id": f"gone-{number}"}, now=START)


def _change(shop: Shop) -> None:
    for turn in range(ROUNDS + 1):
        with shop.database.unit(shop.scope) as unit:
            CatalogStore(unit).put_meter(FILTERED if turn % 2 else PLAIN)
        with shop.database.unit(shop.scope) as unit:
            roll_up_new(unit, now=START)
