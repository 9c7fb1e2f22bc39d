"""Whatever happens, a held snapshot answers what a fresh read would, and never one that was read before a change."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from billing.catalog.feature_terms import Failure, Overflow, Terms
from billing.catalog.item import Feature, FeatureKind, FeatureNotFoundError
from billing.catalog.setting import Setting, setting
from billing.catalog.store import CatalogStore
from billing.customers.customer import CustomerNotFoundError
from billing.customers.store import CustomerStore
from billing.db.session import BusyError, Database, Unit
from billing.entitlements.access import Reason
from billing.entitlements.check import Question, check
from billing.entitlements.given import drop_override, end_arm, end_trial, give_arm, put_override, start_trial
from billing.entitlements.holds.use import HoldRequest, commit, held, release, reserve
from billing.kernel.errors import UptierError
from billing.metering.ingest import ingest
from billing.subscriptions.cancel import cancel_now
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from serving.gate.gate import SECOND_NS, Gate
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.catalog.setting import Value

FEATURES = ("deliveries", "early_access", "tastings", "theme")
ASKED = (Decimal(1), Decimal(0), Decimal(7))
DAY = timedelta(days=1)


class Machine:
    """A machine's clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 10 * SECOND_NS

    def __call__(self) -> int:
        """Nanoseconds since some instant."""
        return self.ns


def _never(_unit: Unit) -> Callable[[str], datetime | None]:
    return lambda _customer: None


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with a configuration beside its features."""
    opened = open_shop(database)
    with database.unit(opened.scope) as unit:
        CatalogStore(unit).put_feature(
            Feature(key="theme", name="Theme", kind=FeatureKind.CONFIG, default=setting("plain"))
        )
    return opened


@pytest.fixture
def machine() -> Machine:
    """The clock by which snapshots age."""
    return Machine()


@pytest.fixture
def gate(shop: Shop, machine: Machine) -> Gate:
    """A gate that hears what its own process changes."""
    made = Gate(shop.database, _never, machine)
    shop.database.listen(made.forget)
    return made


def _buy(unit: Unit, at: datetime, chance: random.Random) -> None:
    subscribe(unit, "ann", chance.choice(["starter", "plus", "pro"]), now=at)


def _leave(unit: Unit, at: datetime, _chance: random.Random) -> None:
    customer = CustomerStore(unit).get("ann")
    for each in SubscriptionStore(unit).running_of([customer.id]).values():
        cancel_now(unit, each.id, now=at)


def _deliver(unit: Unit, at: datetime, chance: random.Random) -> None:
    ingest(unit, [delivery("ann", f"e{chance.random()}", at) for _ in range(chance.randint(1, 3))], now=at)


def _set(unit: Unit, at: datetime, chance: random.Random) -> None:
    value = chance.choice([None, 0, 5])
    put_override(unit, "ann", "deliveries", value=value, why="because", ends_at=None, now=at)


def _unset(unit: Unit, at: datetime, _chance: random.Random) -> None:
    drop_override(unit, "ann", "deliveries", now=at)


def _try(unit: Unit, at: datetime, chance: random.Random) -> None:
    tried: list[tuple[str, Value]] = [("tastings", True), ("deliveries", 4), ("theme", setting({"dark": True}))]
    feature, value = chance.choice(tried)
    start_trial(unit, "ann", feature, value=value, why="a taste", life=2 * DAY, now=at, again=True)


def _stop(unit: Unit, at: datetime, _chance: random.Random) -> None:
    end_trial(unit, "ann", "tastings", now=at)


def _assign(unit: Unit, at: datetime, chance: random.Random) -> None:
    value = setting(chance.choice(["red", "blue"]))
    give_arm(unit, "ann", "theme", value=value, experiment="colour", arm="b", ends_at=at + 3 * DAY, now=at)


def _take_back(unit: Unit, at: datetime, _chance: random.Random) -> None:
    end_arm(unit, "ann", "theme", now=at)


def _hold(unit: Unit, at: datetime, chance: random.Random) -> None:
    made = reserve(
        unit,
        HoldRequest(
            customer="ann",
            feature="deliveries",
            quantity=Decimal(1),
            key=f"h{chance.random()}",
            life=timedelta(hours=1),
        ),
        now=at,
    )
    ended = chance.choice([None, commit, release])
    if ended is not None:
        ended(unit, made.id, now=at)


def _bind(unit: Unit, _at: datetime, chance: random.Random) -> None:
    terms = chance.choice([Terms(), Terms(overflow=Overflow.SOFT), Terms(overflow=Overflow.GRACE, grace=Decimal(2))])
    store = CatalogStore(unit)
    store.put_feature(replace(store.feature("deliveries"), terms=terms))


STEPS = (_buy, _leave, _deliver, _set, _unset, _try, _stop, _assign, _take_back, _hold, _bind)


@pytest.mark.parametrize("seed", range(6))
def test_a_held_answer_is_the_fresh_one(shop: Shop, gate: Gate, seed: int) -> None:
    """Over random lives: after every step, what memory answers is what the database does."""
    chance, now = random.Random(seed), START
    for _ in range(40):
        step = chance.choice(STEPS)
        try:
            with shop.database.unit(shop.scope) as unit:
                step(unit, now, chance)
        except UptierError:
            pass  # not every step is possible at every time; it then changes nothing
        _agree(shop, gate, now)
        now += chance.choice([timedelta(), timedelta(minutes=50), DAY, 20 * DAY])
        _agree(shop, gate, now)


def _agree(shop: Shop, gate: Gate, now: datetime) -> None:
    questions = [Question("ann", feature, asked) for feature in FEATURES for asked in ASKED]
    with shop.database.view(shop.scope) as unit:
        fresh = check(unit, questions, now=now, held=lambda ids, features: held(unit, ids, features, now))
    for question, expected in zip(questions, fresh, strict=True):
        found = gate.check(shop.scope, "ann", question.feature, now, question.quantity)
        assert found.as_of <= now
        assert replace(found, as_of=now) == expected, question


def test_what_was_read_before_a_change_is_not_kept_for_after_it(shop: Shop, machine: Machine) -> None:
    """A change that is committed while a snapshot is read drops that snapshot, even though it is stored later."""

    def meanwhile(_unit: Unit) -> Callable[[str], datetime | None]:
        made.forget(shop.scope.tenant_id, None)
        return lambda _customer: None

    made = Gate(shop.database, meanwhile, machine)

    made.load(shop.scope, "ann", START)

    assert made.held(shop.scope.tenant_id, "ann", START) is None


class Asker(str):
    """A customer's key that tells of each thread that looks something up by it."""

    __slots__ = ("seen",)

    def __hash__(self) -> int:
        """The key's own, and a note."""
        self.seen.add(threading.get_ident())
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        """As texts."""
        return super().__eq__(other)


def test_of_a_crowd_one_reads(shop: Shop, machine: Machine) -> None:
    """Who comes while somebody reads waits for the next reading, which is one for all of them."""
    readings, first, go_on = [], threading.Event(), threading.Event()

    def counted(_unit: Unit) -> Callable[[str], datetime | None]:
        readings.append(threading.get_ident())
        first.set()
        assert go_on.wait(20)
        return lambda _customer: None

    made = Gate(shop.database, counted, machine)
    ann = Asker("ann")
    ann.seen = set()
    with ThreadPoolExecutor(9) as pool:
        begun = pool.submit(made.load, shop.scope, "ann", START)
        assert first.wait(20)
        crowd = [pool.submit(made.load, shop.scope, ann, START) for _ in range(8)]
        while len(ann.seen) < 8:
            assert not any(each.done() for each in crowd)
        go_on.set()
        found = {id(each.result(20)) for each in crowd}
    assert len(readings) == 2
    assert len(found) == 1
    assert id(begun.result()) not in found


def test_it_is_served_no_longer_than_the_bound(shop: Shop, gate: Gate, machine: Machine) -> None:
    """Without a link a snapshot lives a second, with a live one five."""
    loaded = gate.load(shop.scope, "ann", START)

    machine.ns += SECOND_NS - 1
    assert gate.held(shop.scope.tenant_id, "ann", START) is loaded
    machine.ns += 1
    assert gate.held(shop.scope.tenant_id, "ann", START) is None


def test_customers_and_tenants_are_told_apart(shop: Shop, gate: Gate) -> None:
    """A change of one customer drops nobody else, and another tenant's same key is another customer."""
    other = open_shop(shop.database, "Leaf Lane", customers=("ann",))
    ann, bob = (gate.load(shop.scope, name, START) for name in ("ann", "bob"))
    cleo = gate.load(other.scope, "ann", START)

    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", "e1", START)], now=START)

    assert gate.held(shop.scope.tenant_id, "ann", START) is None
    assert gate.held(shop.scope.tenant_id, "bob", START) is bob
    assert gate.held(other.scope.tenant_id, "ann", START) is cleo
    assert ann.customer_id != cleo.customer_id


def test_a_version_is_what_it_answers(shop: Shop, gate: Gate) -> None:
    """Reading the same again gives the same version, anything else another."""
    first = gate.load(shop.scope, "ann", START).version

    assert gate.load(shop.scope, "ann", START + timedelta(seconds=1)).version == first
    with shop.database.unit(shop.scope) as unit:
        put_override(unit, "ann", "tastings", value=True, why="a gift", ends_at=None, now=START)
    assert gate.load(shop.scope, "ann", START).version != first


def test_strangers_are_errors_and_not_kept(shop: Shop, gate: Gate) -> None:
    """An unknown customer or feature is the caller's bug, as everywhere."""
    with pytest.raises(CustomerNotFoundError):
        gate.check(shop.scope, "nobody", "tastings", START)
    with pytest.raises(FeatureNotFoundError):
        gate.check(shop.scope, "ann", "teleport", START)


def test_each_feature_fails_as_it_chose(shop: Shop, machine: Machine) -> None:
    """While nothing can be read: rights as they were, usage by the feature's choice, and strangers are not let in."""
    away = False

    def reader(_unit: Unit) -> Callable[[str], datetime | None]:
        if away:
            raise BusyError("gone")
        return lambda _customer: None

    gate = Gate(shop.database, reader, machine)
    with shop.database.unit(shop.scope) as unit:
        store = CatalogStore(unit)
        store.put_feature(replace(store.feature("deliveries"), terms=Terms(on_failure=Failure.OPEN)))
        subscribe(unit, "ann", "plus", now=START)
    gate.load(shop.scope, "ann", START)
    away, machine.ns = True, machine.ns + 2 * SECOND_NS

    found = {name: gate.check(shop.scope, "ann", name, START).reason for name in FEATURES}
    assert found == {
        "deliveries": Reason.FAILED_OPEN,
        "early_access": Reason.GRANTED,
        "tastings": Reason.NOT_IN_PLAN,
        "theme": Reason.BY_DEFAULT,
    }
    stranger = {name: gate.check(shop.scope, "bob", name, START) for name in (*FEATURES, "teleport")}
    assert {name: each.allowed for name, each in stranger.items()} == {
        "deliveries": True,
        "early_access": False,
        "tastings": False,
        "theme": False,
        "teleport": False,
    }
    away, machine.ns = False, machine.ns + 2 * SECOND_NS
    assert gate.check(shop.scope, "ann", "deliveries", START).reason is Reason.WITHIN_LIMIT


def test_who_asked_is_told_of_changes(shop: Shop, gate: Gate) -> None:
    """A listener hears its own tenant's changes until it ends."""
    heard: list[str | None] = []
    end = gate.subscribe(shop.scope.tenant_id, heard.append)

    with shop.database.unit(shop.scope) as unit:
        ingest(unit, [delivery("ann", "e1", START)], now=START)
    gate.forget("ten_other", None)
    gate.forget(shop.scope.tenant_id, None)
    end()
    gate.forget(shop.scope.tenant_id, None)

    assert heard == [gate.load(shop.scope, "ann", START).customer_id, None]


def test_memory_is_bounded(shop: Shop, machine: Machine) -> None:
    """Of more customers than are kept, those asked about longest ago go first."""
    gate = Gate(shop.database, _never, machine, most_kept=1)
    gate.load(shop.scope, "ann", START)
    gate.load(shop.scope, "bob", START)

    assert gate.held(shop.scope.tenant_id, "ann", START) is None
    assert gate.held(shop.scope.tenant_id, "bob", START) is not None


def test_settings_are_said_as_they_were_given(shop: Shop, gate: Gate) -> None:
    """A configuration's value survives storing, whatever JSON it is."""
    for value in ("dark", 5, 1.5, True, None, ["a", {"b": None}]):
        with shop.database.unit(shop.scope) as unit:
            put_override(unit, "ann", "theme", value=setting(value), why="a wish", ends_at=None, now=START)
        found = gate.check(shop.scope, "ann", "theme", START)
        assert isinstance(found.value, Setting)
        assert (found.value.value, found.allowed, found.source) == (value, True, "override:override")
