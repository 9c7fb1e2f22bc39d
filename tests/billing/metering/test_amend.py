"""Amendments: as if the right event had been sent first, with the wrong one kept for the record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.item import Aggregation, Meter
from billing.customers.store import CustomerStore
from billing.kernel.period import Period
from billing.metering.amend import AlreadyAmendedError, Amended, EventNotFoundError, IdTakenError, amend
from billing.metering.event import BadEventError
from billing.metering.ingest import ingest
from billing.metering.store import EventStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

HOUR = timedelta(hours=1)
DAY = Period(START - 24 * HOUR, START)
KG = {kind: Meter(key="kg", name="kg", event_type="parcel", aggregation=kind, prop="kg") for kind in Aggregation}


@pytest.fixture
def shop(database: Database) -> Shop:
    """Two parcels of the same instant on each engine in turn."""
    shop = open_shop(database)
    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [_parcel("a", 100), _parcel("b", 40)], now=START - HOUR)
    return shop


def _parcel(name: str, kg: int) -> dict[str, Any]:
    at = (START - 2 * HOUR).isoformat()
    return {"id": name, "source": "till", "type": "parcel", "customer": "ann", "time": at, "data": {"kg": kg}}


def _amend(shop: Shop, event: str, name: str, **document: Any) -> Amended:
    with shop.database.unit(shop.scope) as unit:
        return amend(unit, "till", event, {"id": name, **document}, now=START + HOUR)


def _quantities(shop: Shop, customer: str = "ann") -> dict[Aggregation, Any]:
    with shop.database.view(shop.scope) as unit:
        who = CustomerStore(unit).get(customer).id
        return {kind: EventStore(unit).quantity(who, meter, DAY) for kind, meter in KG.items()}


def test_an_amendment_counts_as_the_right_event_sent_first(shop: Shop, database: Database) -> None:
    """By every aggregation, through a chain of two, with its place among equals kept."""
    _amend(shop, "a", "z", data={"kg": 7})
    _amend(shop, "z", "y", data={"kg": 10})
    other = open_shop(database, "Right First")
    with database.unit(other.scope) as unit:
        ingest(unit, [_parcel("a", 10), _parcel("b", 40)], now=START - HOUR)

    assert _quantities(shop) == _quantities(other)
    assert _quantities(shop)[Aggregation.SUM] == 50


def test_a_retraction_counts_nothing_and_can_itself_be_amended(shop: Shop) -> None:
    """Nothing is deleted: the chain goes on."""
    _amend(shop, "a", "gone")
    assert _quantities(shop)[Aggregation.COUNT] == 1
    _amend(shop, "gone", "back", data={"kg": 5})

    assert _quantities(shop)[Aggregation.SUM] == 45
    with shop.database.view(shop.scope) as unit:
        kept = EventStore(unit).find("till", "a")
        assert kept is not None
        assert (kept.data, kept.amended_by) == ({"kg": 100}, "gone")
        assert {row[6] for row in EventStore(unit).rows_before(START)} == {"b", "back"}
        assert sum(EventStore(unit).counts("parcel", DAY).values()) == 2


def test_sent_again_it_is_a_duplicate_and_a_second_one_is_refused(shop: Shop) -> None:
    """One amendment an event; its identity is its own; a refusal changes nothing."""
    assert not _amend(shop, "a", "z", data={"kg": 7}).is_duplicate
    assert _amend(shop, "a", "z", data={"kg": 7}).is_duplicate
    with pytest.raises(AlreadyAmendedError):
        _amend(shop, "a", "y", data={"kg": 8})
    with pytest.raises(IdTakenError):
        _amend(shop, "z", "b", data={"kg": 8})
    with pytest.raises(BadEventError):
        _amend(shop, "b", "b", data={"kg": 8})
    with pytest.raises(EventNotFoundError):
        _amend(shop, "nothing", "x", data={})

    assert _quantities(shop)[Aggregation.SUM] == 47


def test_what_became_known_late_is_found_by_customer_and_span(shop: Shop) -> None:
    """An amendment touches the time of both events; what was known in time is not late."""
    _amend(shop, "a", "z", data={"kg": 7}, time=(START - 5 * HOUR).isoformat(), customer="bob")
    with shop.database.view(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(["ann", "bob"])
        store = EventStore(unit)
        spans = {ids["ann"]: (START - 2 * HOUR,) * 2, ids["bob"]: (START - 5 * HOUR,) * 2}
        assert store.late_spans(None, START) == spans
        assert store.late_spans([ids["bob"]], START) == {ids["bob"]: spans[ids["bob"]]}
        assert store.late_spans(None, START + 2 * HOUR) == {}
        assert store.changed_since(ids["ann"], START, DAY)
        assert not store.changed_since(ids["ann"], START + 2 * HOUR, DAY)
