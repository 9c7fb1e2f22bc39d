"""Access decisions measured: in the process beside the Python SDKs of GrowthBook and OpenFeature, and how soon a change is heard of.

Every contender answers about the same fifty features, some had, some limited, some not had. Speed is told only of answers that are right:
what memory answers is compared with a fresh read of the database first. Times are the thread's CPU, the best of several rounds in turn.
"""

from __future__ import annotations

import statistics
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.setting import setting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.entitlements.check import Question, check
from billing.entitlements.given import put_override
from billing.metering.ingest import ingest
from billing.pricing.ratecard import meter_of
from billing.subscriptions.subscribe import subscribe
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from serving.wiring import Services, build

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from serving.settings import Settings

START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = START + timedelta(days=2)
FLAGS = tuple(f"flag_{number:02}" for number in range(50))
CUSTOMER = "ann"
LIMIT = 1_000
USED = 250
ROUNDS = 7
_TWO = Decimal(2)


@dataclass(frozen=True, slots=True)
class Bench:
    """A shop with fifty features, as the services know it."""

    services: Services
    scope: Scope
    key: str


@dataclass(frozen=True, slots=True)
class InProcess:
    """What one answer costs: microseconds of CPU."""

    who: str
    what: str
    micros: float


@dataclass(frozen=True, slots=True)
class Heard:
    """Milliseconds from the commit of a change to the moment another process's gate has dropped what it kept."""

    changes: int
    p50_ms: float
    p99_ms: float
    worst_ms: float


def kind_of(number: int) -> FeatureKind:
    """Of fifty features thirty are had or not, ten are limits, ten configurations."""
    return (FeatureKind.BOOLEAN, FeatureKind.BOOLEAN, FeatureKind.BOOLEAN, FeatureKind.LIMIT, FeatureKind.CONFIG)[
        number % 5
    ]


def prepare(settings: Settings) -> Bench:
    """An empty database becomes a shop whose customer has a plan with fifty features and has used some."""
    upgrade(settings.resolved_database_url)
    services = build(settings)
    opened = open_tenant(
        services.database, name="Bench", currency="EUR", zone="UTC", mode=Mode.TEST, now=NOW, origins=[]
    )
    scope = Scope(opened.tenant.id)
    with services.database.unit(scope) as unit:
        store = CatalogStore(unit)
        store.put_meter(Meter(key="calls", name="Calls", event_type="call", aggregation=Aggregation.COUNT))
        for number, key in enumerate(FLAGS):
            kind = kind_of(number)
            meter = "calls" if kind is FeatureKind.LIMIT else None
            store.put_feature(Feature(key=key, name=key, kind=kind, meter_key=meter))
        draft = Draft(
            key="bench",
            name="Bench",
            kind=PlanKind.PLAN,
            rank=0,
            currency="EUR",
            interval="month",
            charges=[{"key": "fee", "name": "Fee", "price": {"model": "flat", "amount": "10"}}],
            grants=[Granted(key, _granted(number)) for number, key in enumerate(FLAGS)],
        )
        publish(unit, draft, read_charge=meter_of, now=START)
        CustomerStore(unit).ensure([CUSTOMER], START)
        subscribe(unit, CUSTOMER, "bench", now=NOW - timedelta(hours=1))
        events = [
            {"id": f"e{number}", "source": "bench", "type": "call", "customer": CUSTOMER} for number in range(USED)
        ]
        ingest(unit, events, now=NOW)
    return Bench(services, scope, opened.secret_key)


def _granted(number: int) -> Any:
    kind = kind_of(number)
    if kind is FeatureKind.BOOLEAN:
        return number % 3 != 0
    return LIMIT if kind is FeatureKind.LIMIT else setting({"colour": number})


def is_right(bench: Bench) -> bool:
    """Whether memory answers what a fresh read does, for every feature and several quantities."""
    questions = [
        Question(CUSTOMER, flag, Decimal(quantity)) for flag in FLAGS for quantity in (1, 2, LIMIT - USED, LIMIT)
    ]
    with bench.services.database.view(bench.scope) as unit:
        fresh = check(unit, questions, now=NOW, held=lambda _ids, _features: {})
    found = [
        bench.services.gate.check(bench.scope, each.customer, each.feature, NOW, each.quantity) for each in questions
    ]
    return [_told(each) for each in found] == [_told(each) for each in fresh]


def _told(answer: Any) -> tuple[Any, ...]:
    return (answer.allowed, answer.reason, answer.value, answer.limit, answer.used, answer.remaining, answer.resets_at)


def in_process(bench: Bench, tell: Callable[[str], None]) -> list[InProcess]:
    """One decision about one feature, by each contender."""
    gate, scope = bench.services.gate, bench.scope
    on, limited = FLAGS[1], FLAGS[3]
    entry = gate.snapshot(scope, CUSTOMER, NOW).entries[limited]
    contenders: list[tuple[str, str, Callable[[], object]]] = [
        ("uptier", "a feature that is had", lambda: gate.check(scope, CUSTOMER, on, NOW)),
        ("uptier", "a limit, one unit, with its reason", lambda: gate.check(scope, CUSTOMER, limited, NOW)),
        ("uptier", "a limit, two units, worked out anew", lambda: gate.check(scope, CUSTOMER, limited, NOW, _TWO)),
        (
            "uptier",
            "the evaluator alone, two units",
            lambda: entry.rule.answer(used=entry.used, quantity=_TWO, now=NOW, held=entry.held),
        ),
        *_growthbook(),
        *_openfeature(),
    ]
    best = dict.fromkeys(range(len(contenders)), float("inf"))
    for round_ in range(ROUNDS):
        tell(f"round {round_ + 1} of {ROUNDS}")
        for place, (_, _, call) in enumerate(contenders):
            gate.load(scope, CUSTOMER, NOW)
            best[place] = min(best[place], _cost(call))
    return [InProcess(who, what, best[place]) for place, (who, what, _) in enumerate(contenders)]


def _cost(call: Callable[[], object], times: int = 5_000) -> float:
    started = time.thread_time_ns()
    for _ in range(times):
        call()
    return (time.thread_time_ns() - started) / times / 1000


def _growthbook() -> list[tuple[str, str, Callable[[], object]]]:
    from growthbook import GrowthBook  # noqa: PLC0415 (a development dependency)

    rule = {"condition": {"plan": "bench", "region": {"$in": ["eu", "us"]}}, "force": True, "coverage": 1}
    features = {flag: {"defaultValue": True, "rules": [rule] if flag == FLAGS[3] else []} for flag in FLAGS}
    attributes = {"id": CUSTOMER, "plan": "bench", "region": "eu"}
    client = GrowthBook(attributes=attributes, features=features)
    return [
        ("growthbook", "a default value", lambda: client.is_on(FLAGS[1])),
        ("growthbook", "two conditions and a rollout", lambda: client.is_on(FLAGS[3])),
    ]


def _openfeature() -> list[tuple[str, str, Callable[[], object]]]:
    from openfeature import api  # noqa: PLC0415 (a development dependency)
    from openfeature.provider.in_memory_provider import InMemoryFlag, InMemoryProvider  # noqa: PLC0415 (as above)

    flags = {flag: InMemoryFlag("on", {"on": True, "off": False}) for flag in FLAGS}
    api.set_provider_and_wait(InMemoryProvider(flags), domain="bench")
    client = api.get_client("bench")
    return [("openfeature", "in memory, a static value", lambda: client.get_boolean_value(FLAGS[1], False))]


def heard(bench: Bench, settings: Settings, changes: int) -> Heard:
    """Change a customer again and again, and time when a gate with connections of its own has dropped its snapshot."""
    other = build(settings)
    assert other.bus is not None  # noqa: S101 (there is a Redis to hear by)
    other.bus.listen(other.gate)
    dropped = threading.Event()
    end = other.gate.subscribe(bench.scope.tenant_id, lambda _customer: dropped.set())
    other.gate.load(bench.scope, CUSTOMER, NOW)
    waited = []
    while not other.bus.is_live():
        time.sleep(0.01)
    for number in range(changes):
        dropped.clear()
        with bench.services.database.unit(bench.scope) as unit:
            put_override(unit, CUSTOMER, FLAGS[0], value=bool(number % 2), why="bench", ends_at=None, now=NOW)
            started = time.perf_counter()
        if not dropped.wait(10):
            raise RuntimeError("a change was not heard of within ten seconds")
        waited.append(1000 * (time.perf_counter() - started))
    end()
    other.bus.close()
    other.database.close()
    return Heard(changes, statistics.median(waited), _ninety_ninth(waited), max(waited))


def _ninety_ninth(values: Sequence[float]) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
