"""Group commit: what many put in is stored together, each is answered for its own, and a bad batch harms nobody else's."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.db.session import Database
from billing.kernel.errors import ConflictError, Kind
from billing.kernel.period import Period
from billing.metering.event import UsageEvent
from billing.metering.ingest import Batch, read_batch
from billing.metering.roll_up import prove_rollups, tend_rollups
from billing.metering.store import EventStore
from serving.intake.group_commit import Intake, IntakeClosedError, IntakeFullError, Limits
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import _GeneratorContextManager

    from billing.db.scope import Scope
    from billing.db.session import Unit

SECONDS = 30
DAY = Period(START - timedelta(days=1), START + timedelta(days=1))
PATIENT = Limits(flush_events=1_000_000, flush_seconds=SECONDS)


class Gated(Database):
    """A database whose units begin when they are let, and are counted."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.units = 0

    def unit(self, scope: Scope) -> _GeneratorContextManager[Unit]:
        """Wait for the gate, then go on."""
        self.begun.set()
        assert self.gate.wait(SECONDS)
        self.units += 1
        return super().unit(scope)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


@pytest.fixture
def gated(shop: Shop) -> Iterator[Gated]:
    """The same database behind a gate that is shut."""
    database = Gated(shop.database.url.render_as_string(hide_password=False))
    yield database
    database.gate.set()
    database.close()


def _batch(*names: str, customer: str = "ann") -> Batch:
    return read_batch([delivery(customer, name) for name in names], now=START)


def _counted(shop: Shop) -> int:
    with shop.database.view(shop.scope) as unit:
        assert list(prove_rollups(unit)) == []
        return sum(EventStore(unit).counts("delivery", DAY).values())


def test_those_who_wait_share_a_commit_and_each_is_told_of_its_own(shop: Shop, gated: Gated) -> None:
    """Three callers after the first: one transaction; the same event of two of them is new for one and a duplicate for the other."""
    tend_rollups(shop.database, shop.scope, now=START)
    intake = Intake(gated, Limits(flush_seconds=0))
    first = intake.submit(shop.scope, _batch("1"))
    assert gated.begun.wait(SECONDS)
    others = [intake.submit(shop.scope, batch) for batch in (_batch("2", "3"), _batch("3", "4"), _batch(customer="x"))]
    strangers = intake.submit(shop.scope, _batch("9", customer="nobody"))
    assert not any(each.done() for each in (first, *others, strangers))

    gated.gate.set()
    assert first.result(SECONDS).accepted == 1
    told = [each.result(SECONDS) for each in others]

    assert [(each.accepted, each.duplicates) for each in told] == [(2, 0), (1, 1), (0, 0)]
    assert strangers.result(SECONDS).rejected[0].code == "customer_not_found"
    assert (gated.units, _counted(shop)) == (2, 4)


def test_tenants_never_share_a_transaction(shop: Shop, gated: Gated) -> None:
    """Each one's batches are committed in its own scope, in turn."""
    other = open_shop(shop.database, "Leaf Lane")
    intake = Intake(gated, Limits(flush_seconds=0))
    answers = [intake.submit(each.scope, _batch(str(n))) for n in range(4) for each in (shop, other)]
    gated.gate.set()

    assert [each.result(SECONDS).accepted for each in answers] == [1] * 8
    assert (_counted(shop), _counted(other)) == (4, 4)


def test_a_bad_batch_fails_alone(shop: Shop, gated: Gated) -> None:
    """The database refuses one: the others that were to be committed with it are committed by themselves."""
    unstorable = Batch([(0, UsageEvent("x" * 500_000, "api", "delivery", "ann", START, {"a": object()}))], [], START)
    intake = Intake(gated, Limits(flush_seconds=0))
    blocking = intake.submit(shop.scope, _batch("0"))
    assert gated.begun.wait(SECONDS)
    answers = [intake.submit(shop.scope, batch) for batch in (_batch("1"), unstorable, _batch("2"))]
    gated.gate.set()
    wait([blocking, *answers], SECONDS)

    assert [each.result().accepted for each in (blocking, answers[0], answers[2])] == [1, 1, 1]
    assert answers[1].exception() is not None
    assert _counted(shop) == 3


def test_a_full_queue_says_so_and_takes_again_when_it_is_not(shop: Shop, gated: Gated) -> None:
    """A batch larger than the queue is taken when nothing else waits."""
    intake = Intake(gated, Limits(queued_events=3, flush_seconds=0))
    intake.submit(shop.scope, _batch("0"))
    assert gated.begun.wait(SECONDS)
    kept = intake.submit(shop.scope, _batch("1", "2"))
    with pytest.raises(IntakeFullError) as refused:
        intake.submit(shop.scope, _batch("3", "4"))
    assert (refused.value.kind, refused.value.facts) == (Kind.UNAVAILABLE, {"waiting": 2})
    gated.gate.set()
    assert kept.result(SECONDS).accepted == 2
    intake.close()

    assert Intake(gated, Limits(queued_events=3)).submit(shop.scope, _batch(*"456789")).result(SECONDS).accepted == 6


def test_closing_stores_what_was_taken_and_takes_no_more(shop: Shop) -> None:
    """Though it would have waited for others."""
    intake = Intake(shop.database, PATIENT)
    answer = intake.submit(shop.scope, _batch("1"))
    intake.close()

    assert answer.result(0).accepted == 1
    with pytest.raises(IntakeClosedError):
        intake.submit(shop.scope, _batch("2"))


def test_a_caller_who_went_away_harms_nobody(shop: Shop, gated: Gated) -> None:
    """What was withdrawn before it was written is not written, and the writer goes on."""
    intake = Intake(gated, Limits(flush_seconds=0))
    first = intake.submit(shop.scope, _batch("0"))
    assert gated.begun.wait(SECONDS)
    gone, stays = intake.submit(shop.scope, _batch("1")), intake.submit(shop.scope, _batch("2"))
    assert gone.cancel()
    assert not first.cancel()
    gated.gate.set()

    assert [each.result(SECONDS).accepted for each in (first, stays)] == [1, 1]
    assert (_counted(shop), intake.waiting) == (2, 0)


def test_many_threads_lose_and_double_nothing(shop: Shop) -> None:
    """Eight of them send overlapping batches, each twice: every event is accepted once in all."""
    tend_rollups(shop.database, shop.scope, now=START)
    intake = Intake(shop.database)
    accepted: list[int] = []

    def send(place: int) -> None:
        for start in range(0, 40, 4):
            batch = _batch(*(str(n) for n in range(start + place, start + place + 8)))
            accepted.extend(intake.submit(shop.scope, batch).result(SECONDS).accepted for _ in range(2))

    threads = [threading.Thread(target=send, args=(place,)) for place in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
    intake.close()

    assert sum(accepted) == _counted(shop) == 40 - 4 + 7 + 8


def test_errors_of_one_are_its_own_kind(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict is told as a conflict."""

    def refuse(*_: Any) -> Any:
        raise ConflictError("it collides")

    monkeypatch.setattr("serving.intake.group_commit.store_batches", refuse)
    answer = Intake(shop.database).submit(shop.scope, _batch("1"))

    assert isinstance(answer.exception(SECONDS), ConflictError)
