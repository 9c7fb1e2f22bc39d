"""The simulated demonstration, whole but small: what was simulated is in the database, and the books of its members agree."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import FrozenClock
from billing.ledger.store import LedgerStore
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.store import SubscriptionStore
from billing.tenants.authenticate import authenticate
from features.decisions.store import DecisionStore
from features.experiments.experiment import Status
from features.experiments.store import ExperimentStore
from features.sources import instant_of
from serving.demo import shopfront
from serving.demo.shopfront import Demo
from serving.demo.simulated import DAYS, START, build_simulated
from serving.demo.visits import EXPERIMENT
from serving.demo.weeks import WEEK
from serving.settings import Settings
from serving.wiring import Services, build
from training.simulate.membership import EVENT_KINDS, EVENT_PLANS
from training.simulate.shop import SimulatedShop, simulate
from training.simulate.spec import ADDON, ShopSpec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CUSTOMERS, SEED, WEEKS = 30, 2, 3
NOW = instant_of(ShopSpec(start=START, days=DAYS).end_us)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """An installation of its own."""
    settings = Settings(home=tmp_path_factory.mktemp("demo"), mlflow_uri="off", _env_file=None)
    upgrade(settings.resolved_database_url)
    built = build(settings, clock=FrozenClock(NOW))
    yield built
    built.database.close()


@pytest.fixture(scope="module")
def truth() -> SimulatedShop:
    """What the demonstration simulates."""
    return simulate(ShopSpec(customers=CUSTOMERS, start=START, days=DAYS, seed=SEED))


@pytest.fixture(scope="module")
def told() -> list[str]:
    """What was told while building."""
    return []


@pytest.fixture(scope="module")
def demo(services: Services, told: list[str]) -> Demo:
    """The demonstration of thirty members."""
    return build_simulated(
        services,
        customers=CUSTOMERS,
        seed=SEED,
        origins=["http://localhost:1"],
        tell=lambda words, _done, _total: told.append(words),
        weeks=WEEKS,
    )


def test_everything_that_was_simulated_is_in_the_database(services: Services, demo: Demo, truth: SimulatedShop) -> None:
    """Customers with their consents, lines, events: as many, and not one more."""
    with services.database.view(demo.scope) as unit:
        customers = [CustomerStore(unit).get(key) for key in truth.customers.key]
        assert [customer.name for customer in customers] == list(truth.customers.name)
        agreed = ["marketing" in customer.consents for customer in customers]
        assert agreed == truth.customers.marketing_consent.tolist()
        assert PurchaseStore(unit).count() == len(truth.purchases.at_us)
        assert sum(1 for _ in EventStore(unit).rows_before(NOW)) == len(truth.usage.at_us)


def test_every_member_is_where_the_simulation_left_them(services: Services, demo: Demo, truth: SimulatedShop) -> None:
    """The plan, the box, or the end of it once the paid month is over; but for who took an offer in the last weeks."""
    steps = truth.subscriptions
    plan: dict[str, str] = {}
    boxed, gone = set(), set()
    for customer, kind, place in zip(steps.customer.tolist(), steps.kind.tolist(), steps.plan.tolist(), strict=True):
        key = truth.customers.key[customer]
        if EVENT_KINDS[kind] == "cancelled":
            gone.add(key)
        elif EVENT_PLANS[place] == ADDON:
            boxed.add(key)
        else:
            plan[key] = EVENT_PLANS[place]

    with services.database.view(demo.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(truth.customers.key)
        running = SubscriptionStore(unit).running_of(ids.values())
        took = {each.customer_id for each in DecisionStore(unit).recent(1_000) if "accept" in each.outcomes}

    found = {key: running[ids[key]] for key in ids if ids[key] in running and ids[key] not in took}
    assert boxed, "the simulation is too small to sell a box"
    assert {key: one.plan_key for key, one in found.items() if key not in gone} == {
        key: name for key, name in plan.items() if key not in gone and ids[key] not in took
    }
    assert {key for key, one in found.items() if one.owns(ADDON)} == boxed & set(found)
    assert all(found[key].ends_at is not None for key in gone & set(found))


def test_members_came_by_saw_offers_and_answered_them(services: Services, demo: Demo) -> None:
    """In the last weeks alone, each at the end of a week, beside an experiment that runs; what was shown kept to the caps."""
    visits = [NOW - WEEK * number for number in range(WEEKS, 0, -1)]
    with services.database.view(demo.scope) as unit:
        decisions = DecisionStore(unit).recent(1_000)
        experiment = ExperimentStore(unit).get(EXPERIMENT)

    assert {each.decided_at for each in decisions} == set(visits)
    assert (experiment.status, experiment.started_at) == (Status.RUNNING, visits[0])
    shown = [(each.customer_id, each.decided_at) for each in decisions if "impression" in each.outcomes]
    assert len(shown) == len(set(shown))
    assert {each.id for each in decisions if each.target} == {each.id for each in decisions if each.outcomes}


def test_the_books_of_the_demonstration_agree(services: Services, demo: Demo) -> None:
    """Debits equal credits, numbers run without a gap, and some invoices are paid, some open, some being drafted."""
    with services.database.view(demo.scope) as unit:
        invoices = list(InvoiceStore(unit).page(limit=5000).items)
        assert LedgerStore(unit).balances().net("EUR").amount_minor == 0

    numbers = sorted(invoice.number for invoice in invoices if invoice.number)
    serials = [int(number.rsplit("-", 1)[-1]) for number in numbers]
    assert sorted(serials) == list(range(1, len(serials) + 1))
    assert {invoice.status for invoice in invoices} >= {InvoiceStatus.PAID}
    assert all(invoice.created_at <= NOW for invoice in invoices)


def test_progress_is_told_in_words(demo: Demo, told: list[str]) -> None:
    """Every part of the work names itself."""
    assert list(dict.fromkeys(told)) == [
        "simulating a shop",
        "recording purchases",
        "recording usage",
        "subscriptions",
        "visits",
        "billing",
    ]


def test_the_keys_open_the_shop_and_its_clock_stands_at_the_end(services: Services, demo: Demo) -> None:
    """Both keys work; the tenant's present is the end of the simulation."""
    for key in (demo.secret_key, demo.publishable_key):
        principal = authenticate(services.database, key)
        assert principal.tenant.id == demo.tenant_id
        assert principal.tenant.now(services.clock.now()) == NOW


def test_the_keys_are_kept_for_their_owner_alone_and_mean_complete(tmp_path: Path) -> None:
    """No file, no demonstration; the file comes last, whole, and a second writing replaces it."""
    assert shopfront.read(tmp_path) is None
    first = Demo("ten_1", "upt_sk_1_2", "upt_pk_1_2")
    second = Demo("ten_2", "upt_sk_2_2", "upt_pk_2_2", customer="ann", source="simulated")

    for demo in (first, second):
        shopfront.write(tmp_path, demo)
        assert shopfront.read(tmp_path) == demo

    path = shopfront.path_of(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
