"""Opting out: what was guessed goes at once and no job brings it back; what was bought, used and said stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from billing.customers.store import CustomerStore
from features.contact.consent import OPTED_OUT
from features.privacy.holdings import HOLDINGS
from features.privacy.profiling import set_profiling
from features.privacy.purposes import KINDS
from features.scores.store import Score, ScoreStore
from features.segments.store import Segment, SegmentStore
from features.signals.store import SignalStore
from features.watch.store import Promise, WatchStore
from tests.features.privacy.test_erase import MAPPED, fill
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

PROFILE = {table for kind in KINDS.values() if kind.is_profile for table in kind.tables}


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that knows something of everything about Ann and Bob."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        for key in ("ann", "bob"):
            fill(unit, key)
    return shop


def _count(shop: Shop, table: str, key: str) -> int:
    row = MAPPED[table]
    with shop.database.view(shop.scope) as unit:
        customer = CustomerStore(unit).get(key).id
        mine = (row.id if table == "customers" else row.customer_id) == customer
        return len(list(unit.session.scalars(select(row).where(mine))))


def test_the_profile_goes_at_once_and_nothing_else_does(shop: Shop) -> None:
    """Of Ann alone, table by table."""
    before = {(table, key): _count(shop, table, key) for table in HOLDINGS if table in MAPPED for key in ("ann", "bob")}
    assert all(before[table, "ann"] for table in PROFILE)

    with shop.database.unit(shop.scope) as unit:
        set_profiling(unit, "ann", allowed=False, watched=("intent",), now=START)

    after = {place: _count(shop, *place) for place in before}
    gone = {place for place in before if after[place] < before[place]}
    assert gone == {(table, "ann") for table in PROFILE} | {("signals", "ann")}
    assert all(after[table, "ann"] == 0 for table in PROFILE)


def test_no_job_that_was_under_way_brings_it_back(shop: Shop) -> None:
    """Scores, promises and segments that were made before she opted out are written after it without her."""
    with shop.database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(("ann", "bob"))
        set_profiling(unit, "ann", allowed=False, now=START)
    with shop.database.unit(shop.scope) as unit:
        scores = [Score(customer_id=each, version="v", as_of=START, value=0.5, document={}) for each in ids.values()]
        ScoreStore(unit).replace("churn", scores)
        held: dict[str, Any] = {
            "version": "v",
            "as_of": START,
            "value": 0.5,
            "horizon_days": 30,
            "matures_at": START,
            "outcome": None,
        }
        WatchStore(unit).keep("churn", [Promise(customer_id=each, **held) for each in ids.values()])
        segment = Segment(key="c1", name="All", version="v", as_of=START, profile={})
        SegmentStore(unit).replace([segment], dict.fromkeys(ids.values(), "c1"))

        assert set(ScoreStore(unit).of_task("churn")) == {ids["bob"]}
        assert set(SegmentStore(unit).members()) == {ids["bob"]}
        assert {each.customer_id for each in WatchStore(unit).due("churn", START)} == {ids["bob"]}


def test_opting_in_again_leaves_other_consents_as_they_are(shop: Shop) -> None:
    """And twice the same changes and says nothing; what was watched is gone for good."""
    with shop.database.unit(shop.scope) as unit:
        store = CustomerStore(unit)
        for allowed in (False, False):
            set_profiling(unit, "ann", allowed=allowed, watched=("intent",), now=START)
        assert store.get("ann").consents == (OPTED_OUT,)

        set_profiling(unit, "ann", allowed=True, now=START)

        assert store.get("ann").consents == ()
        assert SignalStore(unit).known(store.get("ann").id, START) == []


def test_every_table_with_customers_has_a_purpose_and_one_alone() -> None:
    """Nothing is held without saying what for."""
    listed = [table for kind in KINDS.values() for table in kind.tables]

    assert sorted(listed) == sorted(HOLDINGS)
    assert {kind.on_erasure for kind in KINDS.values()} <= {"kept", "blanked", "removed"}
