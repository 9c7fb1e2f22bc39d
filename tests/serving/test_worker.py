"""The worker: every tenant is billed, whatever becomes of the others, and nothing ends its thread but being told to."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import FrozenClock
from billing.subscriptions.subscribe import subscribe
from billing.tenants.store import TenantStore
from serving.jobs.worker import Worker
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DEADLINE_SECONDS = 30.0


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """Services over a fresh SQLite file."""
    settings = Settings(home=tmp_path, mlflow_uri="off", _env_file=None)
    upgrade(settings.resolved_database_url)
    built = build(settings, clock=FrozenClock(START))
    yield built
    built.database.close()


def _subscribed(services: Services, name: str) -> Shop:
    """A shop whose Ann subscribed a little over a month before its present."""
    shop = open_shop(services.database, name)
    with services.database.unit(shop.scope) as unit:
        subscribe(unit, CustomerStore(unit).get("ann").key, "starter", now=START)
        TenantStore(unit).set_clock(shop.opened.tenant.id, START + timedelta(days=33))
    return shop


def _invoices(services: Services, shop: Shop) -> int:
    with services.database.view(shop.scope) as unit:
        return len(InvoiceStore(unit).page(limit=50).items)


def _spoil(services: Services, shop: Shop, charges: str = '[{"key": 1}]', plan: str = "starter") -> None:
    """Make a plan unreadable, as a bug or a slip of somebody's hand may."""
    with services.database.engine.begin() as connection:
        statement = text(
            "UPDATE plan_versions SET charges = :charges WHERE tenant_id = :tenant"
            " AND plan_id IN (SELECT id FROM plans WHERE tenant_id = :tenant AND key = :plan)"
        )
        values = {"tenant": shop.scope.tenant_id, "charges": charges, "plan": plan}
        assert connection.execute(statement, values).rowcount == 1


def test_every_tenant_is_billed_at_its_own_time(services: Services) -> None:
    """Two shops, each with the fee in advance and the month that closed; a second run finds nothing to do."""
    shops = [_subscribed(services, name) for name in ("Bean Street", "Leaf Lane")]

    first, second = Worker(services).run_once(), Worker(services).run_once()

    assert [_invoices(services, shop) for shop in shops] == [2, 2]
    assert (first.drafted, first.issued) == (4, 4)
    assert (second.drafted, second.issued) == (0, 0)


@pytest.mark.parametrize("broken", [0, 1, 2])
@pytest.mark.parametrize(
    ("charges", "said"),
    [('[{"key": 1}]', "could not be billed"), ("7", "billing run failed")],
    ids=["refused", "crashed"],
)
def test_a_tenant_that_fails_does_not_stop_the_others(services: Services, broken: int, charges: str, said: str) -> None:
    """Wherever it stands in the order, and whether its plan is refused or crashes; it is logged by its id and tried again."""
    shops = [_subscribed(services, name) for name in ("Bean Street", "Leaf Lane", "Tin Alley")]
    _spoil(services, shops[broken], charges)

    with capture_logs() as logs:
        report = Worker(services).run_once()

    assert [_invoices(services, shop) for shop in shops] == [0 if place == broken else 2 for place in range(3)]
    assert report.issued == 4
    assert [(entry["event"], entry["tenant"]) for entry in logs] == [(said, shops[broken].scope.tenant_id)]


def test_a_subscription_that_fails_does_not_stop_the_others_of_its_tenant(services: Services) -> None:
    """Bob's plan is unreadable, Ann's is not."""
    shop = _subscribed(services, "Bean Street")
    with services.database.unit(shop.scope) as unit:
        failing = subscribe(unit, "bob", "plus", now=START)
    _spoil(services, shop, plan="plus")

    with capture_logs() as logs:
        report = Worker(services).run_once()

    assert (report.issued, _invoices(services, shop)) == (2, 2)
    assert [(entry["event"], entry["what"]) for entry in logs] == [("could not be billed", failing.id)]


def test_a_worker_told_to_stop_begins_no_further_tenant(services: Services) -> None:
    """So that a server ends soon after it is asked to."""
    shop = _subscribed(services, "Bean Street")
    worker = Worker(services)
    worker.stop()

    assert worker.run_once().drafted == 0
    assert _invoices(services, shop) == 0


def test_a_database_that_is_away_does_not_end_the_thread(tmp_path: Path) -> None:
    """The tables are missing at first; the thread says so, lives on, and bills once they are there."""
    settings = Settings(home=tmp_path, mlflow_uri="off", _env_file=None)
    services = build(settings, clock=FrozenClock(START))
    worker = Worker(services)
    with capture_logs() as logs:
        worker.start()
        _until(lambda: bool(logs))

        assert logs[0]["event"] == "worker could not run"
        assert worker._thread is not None
        assert worker._thread.is_alive()
        worker.stop()
        assert not worker._thread.is_alive()

    upgrade(settings.resolved_database_url)
    shop = _subscribed(services, "Bean Street")
    assert Worker(services).run_once().issued == 2
    assert _invoices(services, shop) == 2
    services.database.close()


def test_a_started_worker_bills_and_stops_when_told(services: Services) -> None:
    """The thread of a server: its first round comes at once, and stop waits for its end."""
    shop = _subscribed(services, "Bean Street")
    worker = Worker(services)

    worker.start()
    _until(lambda: _invoices(services, shop) == 2)
    worker.stop()

    assert not any(thread.name == "uptier-worker" for thread in threading.enumerate())


def _until(holds: Callable[[], bool]) -> None:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + DEADLINE_SECONDS
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < end, "it did not happen in time"
        pause.wait(0.01)
