"""The worker's look at events, limits, use and scores: complete, once, and from where it stopped."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from billing.metering.ingest import ingest
from billing.subscriptions.subscribe import subscribe
from features.contact.consent import OPTED_OUT
from features.scores.store import Score, ScoreStore
from features.signals.restraints.store import RestraintStore
from features.signals.setup.store import SetupStore
from features.signals.store import SignalStore
from serving.jobs import signals as looks
from serving.jobs.signals import tend_signals
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.db.session import Database

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Store:
    """A shop in which Ann and Bob are on Starter."""

    shop: Shop
    ids: dict[str, str] = field(default_factory=dict)

    def send(self, kind: str, at: datetime, *, customer: str = "ann", name: str = "", **data: Any) -> None:
        """An event that is received at `at`; it happened then, unless `ago` says how long before."""
        happened = at - data.pop("ago", timedelta())
        event = {"id": name or f"{kind}{at.timestamp()}", "type": kind, "customer": customer, "data": data}
        with self.shop.database.unit(self.shop.scope) as unit:
            ingest(unit, [{**event, "source": "web", "time": happened.isoformat()}], now=at)

    def look(self, now: datetime) -> int:
        """The worker comes by."""
        return tend_signals(self.shop.database, self.shop.scope, now=now)

    def raised(self, now: datetime, customer: str = "ann") -> list[tuple[str, str | None]]:
        """What counts."""
        with self.shop.database.view(self.shop.scope) as unit:
            found = SignalStore(unit).of_customer(self.ids[customer], now)
        return sorted((each.trigger, each.subject) for each in found)

    def held(self, now: datetime) -> list[str]:
        """What holds offers back from Ann."""
        with self.shop.database.view(self.shop.scope) as unit:
            return [each.kind for each in RestraintStore(unit).of_customer(self.ids["ann"], now)]

    def score(self, risk: float, as_of: datetime) -> None:
        """A new score of Ann's leaving."""
        scores = [Score(customer_id=self.ids["ann"], version="v1", as_of=as_of, value=risk, document={})]
        with self.shop.database.unit(self.shop.scope) as unit:
            ScoreStore(unit).replace("churn", scores)

    def opt_out(self) -> None:
        """Ann does not want to be profiled."""
        with self.shop.database.unit(self.shop.scope) as unit:
            ann = CustomerStore(unit).get("ann")
            CustomerStore(unit).update(replace(ann, consents=(OPTED_OUT,)))


def _open(database: Database) -> Store:
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        for key in ("ann", "bob"):
            subscribe(unit, key, "starter", now=START)
        return Store(shop, CustomerStore(unit).ids_by_key(("ann", "bob")))


@pytest.fixture
def store(database: Database) -> Store:
    """On each engine."""
    return _open(database)


def test_events_say_what_they_were_told_to_mean(store: Store) -> None:
    """An intent, words that name a feature and a plan she does not have, a ticket, a cancellation; a delivery says nothing by itself."""
    store.send("pricing_page_viewed", START, plan="plus")
    store.send("support_request", START, text="Do you have early access? What does Pro cost?")
    store.send("ticket_opened", START, ticket="T-7", subject="help")
    store.send("delivery", START)

    assert store.look(START + MINUTE) == 3
    assert store.raised(START + MINUTE) == [
        ("intent", "plus"),
        ("missing_function", "early_access"),
        ("missing_function", "pro"),
    ]
    assert (store.held(START + MINUTE), store.raised(START + MINUTE, "bob")) == (["ticket_open"], [])

    store.send("ticket_closed", START + 2 * MINUTE, ticket="T-7")
    store.send("cancel_started", START + 2 * MINUTE, reason="too dear")
    assert store.look(START + 3 * MINUTE) == 1
    assert store.held(START + 3 * MINUTE) == ["cancelling"]

    store.send("cancel_abandoned", START + 4 * MINUTE)
    store.look(START + 5 * MINUTE)
    assert store.held(START + 5 * MINUTE) == []


def test_a_limit_that_fills_up_is_seen_without_a_decision(store: Store) -> None:
    """Three of three deliveries; two looks raise once."""
    for number in range(3):
        store.send("delivery", START, name=f"d{number}")

    assert (store.look(START + MINUTE), store.look(START + 2 * MINUTE)) == (3, 0)
    assert set(store.raised(START + 2 * MINUTE)) == {("limit_share", "deliveries")}


def test_an_event_that_is_committed_late_is_not_passed_over(store: Store) -> None:
    """Received before the last look, stored after it; and one that happened too long ago says nothing."""
    store.send("invite_sent", START + 4 * MINUTE, customer="bob")
    store.look(START + 5 * MINUTE)
    store.send("invite_sent", START + 3 * MINUTE)
    store.send("export_requested", START + 4 * MINUTE, ago=20 * DAY)

    assert store.look(START + 6 * MINUTE) == 1
    assert store.raised(START + 6 * MINUTE) == [("intent", None)]


def test_use_against_ones_own_past_is_looked_at_once_a_day(store: Store) -> None:
    """Four weeks of ten, then a week of forty; who opted out is not looked at."""
    now = START + 40 * DAY
    for week, count in enumerate((40, 10, 10, 10, 10)):
        for number in range(count):
            at = now - week * 7 * DAY - DAY
            store.send("opened", at, name=f"{week}-{number}")
            store.send("opened", at, name=f"{week}-{number}-bob", customer="bob")
    store.opt_out()

    assert store.look(now) == 1
    assert (store.raised(now, "bob"), store.raised(now)) == ([("engagement", None)], [])
    assert store.look(now + 2 * DAY) == 0


def test_a_risk_is_raised_when_scores_are_new_and_again_only_after_a_calm_one(store: Store) -> None:
    """High, high, between, high: one signal; calm ends it; high again is another."""
    raised = []
    for night, risk in enumerate((0.7, 0.8, 0.5, 0.9, 0.2, 0.7)):
        store.score(risk, START + night * DAY)
        raised.append(store.look(START + night * DAY + MINUTE))
        assert store.look(START + night * DAY + 2 * MINUTE) == 0

    assert raised == [1, 0, 0, 0, 0, 1]
    assert store.raised(START + 6 * DAY) == [("churn_risk", None)]


def test_who_opted_out_is_watched_by_no_job(store: Store) -> None:
    """No intent and no risk; what she said herself still counts."""
    store.score(0.9, START)
    store.opt_out()
    store.send("pricing_page_viewed", START)
    store.send("feedback", START, text="early access please")

    store.look(START + MINUTE)

    assert store.raised(START + MINUTE) == [("missing_function", "early_access")]


def test_a_tenant_to_whom_nothing_happens_is_not_read_from_the_beginning_for_ever(store: Store) -> None:
    """The place moves on once an hour."""
    store.look(START)
    store.look(START + 30 * MINUTE)
    store.look(START + 90 * MINUTE)

    with store.shop.database.view(store.shop.scope) as unit:
        assert SetupStore(unit).looked_until(looks.EVENTS) == START + 90 * MINUTE


def _script() -> st.SearchStrategy[list[tuple[int, int, str]]]:
    kinds = st.sampled_from(("pricing_page_viewed", "invite_sent", "cancel_started", "feedback"))
    return st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), kinds), min_size=1, max_size=10)


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=_script(), data=st.data())
def test_looks_that_are_killed_anywhere_raise_the_same_as_one_that_is_not(
    sqlite_database: Database, script: list[tuple[int, int, str]], data: st.DataObject
) -> None:
    """Events in batches of two, a kill before any of its writes, duplicates: nothing is lost and nothing raised twice."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(looks, "_BATCH", 2)
        whole, broken = _open(sqlite_database), _open(sqlite_database)
        for minute, late, kind in sorted(script):
            for each in (whole, broken):
                each.send(
                    kind, START + minute * MINUTE, ago=late * DAY, text="early access", name=f"{minute}{late}{kind}"
                )
        kills = data.draw(st.lists(st.integers(0, 6), max_size=4))
        for after in kills:
            _look_and_die(broken, START + 31 * MINUTE, after)
        whole.look(START + 32 * MINUTE)
        broken.look(START + 32 * MINUTE)

    now = START + 32 * MINUTE
    assert _told(broken, now) == _told(whole, now)
    assert (broken.held(now), max(_told(broken, now).values(), default=1)) == (whole.held(now), 1)


class _KilledError(Exception):
    pass


def _look_and_die(store: Store, now: datetime, after: int) -> None:
    """A look whose process dies at its n-th transaction, which is rolled back."""
    seen = Counter[str]()
    with pytest.MonkeyPatch.context() as patch:
        keep = looks.keep_all

        def dying(unit: Any, fired: Iterable[Any], *, now: datetime) -> list[Any]:
            done = keep(unit, fired, now=now)
            seen["writes"] += 1
            if seen["writes"] > after:
                raise _KilledError
            return done

        patch.setattr(looks, "keep_all", dying)
        try:
            store.look(now)
        except _KilledError:
            return


def _told(store: Store, now: datetime) -> Counter[tuple[str, str]]:
    with store.shop.database.view(store.shop.scope) as unit:
        return Counter((each.trigger, each.once_key) for each in SignalStore(unit).known(store.ids["ann"], now))
