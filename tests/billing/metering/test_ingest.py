"""Taking usage in: each event of a batch has one fate, and none spoils another's."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.kernel.errors import Kind
from billing.kernel.period import Period
from billing.metering.ingest import MAX_BATCH, BatchTooLargeError, Receipt, ingest
from billing.metering.store import EventStore
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Database

ONE_SHOP = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
MONTH = Period(START - timedelta(days=30), START + timedelta(days=1))

events = st.fixed_dictionaries(
    {
        "id": st.sampled_from("1234567"),
        "type": st.sampled_from(["delivery", "login"]),
        "customer": st.sampled_from(["ann", "bob", "nobody"]),
    },
    optional={
        "source": st.sampled_from(["api", "till"]),
        "data": st.dictionaries(st.sampled_from("ab"), st.integers()),
    },
)
broken: st.SearchStrategy[Any] = st.sampled_from(
    [None, 3, "x", [], {}, {"id": "1"}, {"id": "\ud800", "type": "t", "customer": "ann"}]
)
batches = st.lists(events | broken, max_size=12)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


def _ingest(shop: Shop, documents: Sequence[object], **options: Any) -> Receipt:
    with shop.database.unit(shop.scope) as unit:
        return ingest(unit, documents, now=START, **options)


def _stored(shop: Shop) -> set[tuple[str, str]]:
    with shop.database.view(shop.scope) as unit:
        return {(row[5], row[6]) for row in EventStore(unit).rows_before(START + timedelta(days=1))}


@ONE_SHOP
@given(batch=batches)
def test_every_event_has_one_fate(shop: Shop, batch: list[Any]) -> None:
    """Accepted, duplicate and rejected add up to what was sent, and what was accepted is what is stored anew."""
    before = _stored(shop)

    receipt = _ingest(shop, batch)

    fates = receipt.accepted + receipt.duplicates + len(receipt.rejected)
    assert fates == len(batch)
    assert len(_stored(shop) - before) == receipt.accepted
    assert before <= _stored(shop)
    indexes = [rejection.index for rejection in receipt.rejected]
    assert indexes == sorted(set(indexes))


@ONE_SHOP
@given(batch=batches)
def test_sending_a_batch_again_counts_nothing_twice(shop: Shop, batch: list[Any]) -> None:
    """The second time every good event is a duplicate, and the same ones are rejected for the same reasons."""
    first = _ingest(shop, batch)

    again = _ingest(shop, batch)

    assert again.accepted == 0
    assert again.duplicates == first.accepted + first.duplicates
    assert again.rejected == first.rejected


@ONE_SHOP
@given(batch=batches, cut=st.integers(0, 12))
def test_it_does_not_matter_how_events_are_batched(shop: Shop, batch: list[Any], cut: int) -> None:
    """Two calls store what one would, and refuse as many."""
    parts = [_ingest(shop, part) for part in (batch[:cut], batch[cut:])]

    whole = _ingest(shop, batch)

    assert whole.accepted == 0
    assert Counter(rejection.code for part in parts for rejection in part.rejected) == Counter(
        rejection.code for rejection in whole.rejected
    )


def test_a_rejection_says_which_event_and_why(shop: Shop) -> None:
    """By index, with the event's id where it has one, a stable code and a sentence."""
    receipt = _ingest(shop, [delivery("ann", "1"), delivery("nobody", "2"), {"id": "3"}, "text", delivery("ann", "4")])

    assert receipt.accepted == 2
    assert [(found.index, found.id, found.code) for found in receipt.rejected] == [
        (1, "2", "customer_not_found"),
        (2, "3", "bad_event"),
        (3, None, "bad_event"),
    ]
    assert "'nobody'" in receipt.rejected[0].detail


def test_an_event_that_no_meter_reads_is_kept_and_told(shop: Shop) -> None:
    """The sender may have misspelt its type; a meter made later reads it."""
    receipt = _ingest(shop, [delivery("ann", "1"), {**delivery("ann", "2"), "type": "delivrey"}])

    assert receipt.accepted == 2
    assert receipt.unmatched == [{"index": 1, "id": "2", "type": "delivrey"}]


def test_the_first_of_two_events_with_one_identity_is_kept(shop: Shop) -> None:
    """Within a batch and between batches; another source is another event."""
    first = {**delivery("ann", "1"), "data": {"a": 1}}

    receipt = _ingest(shop, [first, {**first, "data": {"a": 2}}, {**first, "source": "till"}])
    _ingest(shop, [{**first, "data": {"a": 3}}])

    assert (receipt.accepted, receipt.duplicates) == (2, 1)
    with shop.database.view(shop.scope) as unit:
        found = {row[5]: row[4] for row in EventStore(unit).rows_before(START + timedelta(days=1))}
    assert found == {"shop": {"a": 1}, "till": {"a": 1}}


def test_history_was_known_when_it_happened(shop: Shop) -> None:
    """An imported event counts as received at its own time, a live one when it arrived."""
    earlier = START - timedelta(days=9)
    _ingest(shop, [delivery("ann", "old", earlier)], is_history=True)
    _ingest(shop, [delivery("ann", "late", earlier)])

    with shop.database.view(shop.scope) as unit:
        found = {row[6]: (row[2], row[3]) for row in EventStore(unit).rows_before(START)}
    assert found == {"old": (earlier, earlier), "late": (earlier, START)}


def test_a_period_is_half_open(shop: Shop) -> None:
    """An event at its start counts, one at its end does not."""
    _ingest(shop, [delivery("ann", "start", MONTH.start), delivery("bob", "before", START - timedelta(hours=1))])
    _ingest(shop, [delivery("ann", "end", START)])

    with shop.database.view(shop.scope) as unit:
        counts = EventStore(unit).counts("delivery", Period(MONTH.start, START))
    assert sorted(counts.values()) == [1, 1]


def test_too_large_a_batch_is_refused_whole(shop: Shop) -> None:
    """Nothing of it is stored; the error says how many may come."""
    with pytest.raises(BatchTooLargeError) as refused:
        _ingest(shop, [delivery("ann", "1")] * (MAX_BATCH + 1))

    assert (refused.value.kind, refused.value.facts) == (Kind.TOO_LARGE, {"limit": MAX_BATCH, "sent": MAX_BATCH + 1})
    assert _stored(shop) == set()


def test_another_tenants_customer_is_nobody(shop: Shop) -> None:
    """Their event is rejected as any unknown customer's is, and the same identity is free for them."""
    other = open_shop(shop.database, "Leaf Lane", customers=("cleo",))

    assert _ingest(other, [delivery("ann", "1")]).rejected[0].code == "customer_not_found"
    assert _ingest(shop, [delivery("ann", "1")]).accepted == 1
    assert _ingest(other, [delivery("cleo", "1")]).accepted == 1
