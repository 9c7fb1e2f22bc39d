"""Decisions over HTTP at a given rate: thousands of customers, half of them with something to offer, beside flag servers that keep nothing.

Requests fall due at random whether or not the server keeps up, and their time counts from when they were due. Every answer is looked at:
as many decisions are stored as different ones were answered, and nobody has more places under the caps than the policy allows.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from billing.catalog.item import Aggregation, Feature, FeatureKind, Meter
from billing.catalog.plan import Granted, PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.entitlements.store import GrantStore
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.metering.ingest import ingest
from billing.pricing.ratecard import meter_of
from billing.subscriptions.rights import grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import Status, Subscription
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.scores.store import Score, ScoreStore
from serving.bench.gating_http import running
from serving.wiring import build
from training.bench.http_load import each_once, open_model, prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from serving.settings import Settings
    from serving.wiring import Services
    from training.bench.http_load import Load

LIMIT: Final = 3
_BATCH: Final = 500
_SERVE: Final = ("-c", "from serving.cli.main import main; main()", "serve", "--no-worker", "--port")
ALLOWED: Final = 1
"""Places of one customer under the default caps: one showing a person in seven days, and nobody here is named."""
_CONNECTIONS: Final = 64
_STUB: Final = ("-m", "uvicorn", "--log-level", "warning", "--no-access-log")


@dataclass(frozen=True, slots=True)
class Ready:
    """A shop with customers, and the key to ask about them with."""

    services: Services
    scope: Scope
    key: str
    customers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Driven:
    """One server under one load. `reasons` counts the answers; `stored` the decisions written during it, None where nothing is kept.

    Offers that were open already are answered again and not stored again: `different` counts decisions that were not heard of before.
    """

    who: str
    what: str
    load: Load
    reasons: Mapping[str, int] = field(default_factory=dict)
    different: int = 0
    stored: int | None = None

    @property
    def is_right(self) -> bool:
        """Whether every decision that was answered is stored, once."""
        return self.stored is None or self.stored == self.different


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What was measured, on which engine, and the most places under the caps that any customer has."""

    engine: str
    has_redis: bool
    customers: int
    rate: float
    runs: Sequence[Driven]
    most_places: int
    allowed_places: int

    @property
    def is_right(self) -> bool:
        """Whether speed was measured on right answers."""
        return all(run.is_right for run in self.runs) and self.most_places <= self.allowed_places


def bench_decisions(
    settings: Settings, *, customers: int, rate: float, seconds: float, seed: int, tell: Callable[[str], None]
) -> Bench:
    """Fill an empty database, ask once about everybody, then drive the open load; then the stubs under the same load."""
    ready = prepare(settings, customers, tell)
    rng = random.Random(seed)
    order = [rng.choice(ready.customers) for _ in range(int(2 * rate * seconds) + 1)]
    runs = [*_uptier(ready, settings, order, rate, seconds, seed, tell), *_stubs(order, rate, seconds, seed, tell)]
    places = _most_places(ready)
    ready.services.database.close()
    return Bench(
        engine=ready.services.database.engine.dialect.name,
        has_redis=bool(settings.redis_url),
        customers=customers,
        rate=rate,
        runs=runs,
        most_places=places,
        allowed_places=ALLOWED,
    )


def _uptier(  # noqa: PLR0917 (what a run is made of)
    ready: Ready,
    settings: Settings,
    order: Sequence[str],
    rate: float,
    seconds: float,
    seed: int,
    tell: Callable[[str], None],
) -> Iterator[Driven]:
    environment = {
        "UPTIER_DATABASE_URL": settings.resolved_database_url,
        "UPTIER_HOME": str(settings.home / "server"),
        "UPTIER_MLFLOW_URI": "off",
        "UPTIER_REDIS_URL": settings.redis_url,
        "UPTIER_HOLDOUT_PER_TEN_THOUSAND": str(settings.holdout_per_ten_thousand),
    }
    headers = {"Authorization": f"Bearer {ready.key}"}
    watch = Watch(ready)
    with running(_SERVE, environment) as (server, pid):
        tell("everybody once")
        first = [_ask(server, customer, headers) for customer in ready.customers]
        cold = each_once(server, first, connections=8, pid=pid, heard=watch.hear)
        yield watch.driven("first ask of each customer, 8 at once", cold)
        again = each_once(server, first, connections=8, pid=pid, heard=watch.hear)
        yield watch.driven("second ask of each customer", again)
        tell("the load")
        asked = [_ask(server, customer, headers) for customer in order]
        load = open_model(
            server,
            asked,
            rate=rate,
            seconds=seconds,
            connections=_CONNECTIONS,
            pid=pid,
            rng=random.Random(seed),
            heard=watch.hear,
        )
        yield watch.driven(f"open load, {rate:.0f} a second", load)


def _stubs(
    order: Sequence[str], rate: float, seconds: float, seed: int, tell: Callable[[str], None]
) -> Iterator[Driven]:
    for what, app in (("bare ASGI", "bare"), ("FastAPI", "framework")):
        with running((*_STUB, f"serving.bench.decision_stub:{app}", "--port"), {}) as (address, pid):
            tell(f"stub: {what}")
            asked = [_ask(address, customer, {}) for customer in order]
            load = open_model(
                address,
                asked,
                rate=rate,
                seconds=seconds,
                connections=_CONNECTIONS,
                pid=pid,
                rng=random.Random(seed),
            )
            yield Driven(who="stub", what=f"{what}, 50 flags, nothing kept", load=load)


class Watch:
    """Hears every answer, and compares them with what is stored."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._ids: set[str] = set()
        self._new: set[str] = set()
        self._reasons: Counter[str] = Counter()
        self._stored = self._count()

    def hear(self, body: bytes) -> None:
        """Note one answer."""
        answer = json.loads(body)
        self._reasons["offer" if answer["offer"] else answer["reason"]] += 1
        if answer["decision_id"] not in self._ids:
            self._ids.add(answer["decision_id"])
            self._new.add(answer["decision_id"])

    def driven(self, what: str, load: Load) -> Driven:
        """What was heard and stored since the last time."""
        stored = self._count()
        found = Driven(
            who="uptier",
            what=what,
            load=load,
            reasons=dict(self._reasons),
            different=len(self._new),
            stored=stored - self._stored,
        )
        self._stored, self._new, self._reasons = stored, set(), Counter()
        return found

    def _count(self) -> int:
        with self._ready.services.database.view(self._ready.scope) as unit:
            counts = DecisionStore(unit).counts()
        return sum(count for reason, count in counts.items() if not reason.startswith("outcome:"))


def _ask(address: str, customer: str, headers: dict[str, str]) -> bytes:
    body = json.dumps({"customer": customer, "placement": "account"}).encode()
    return prepared(address, "/v1/decisions", body, headers)


def _most_places(ready: Ready) -> int:
    """The most places under the caps that any customer has now."""
    now, found = datetime.now(UTC), 0
    with ready.services.database.view(ready.scope) as unit:
        ids = sorted(CustomerStore(unit).ids_by_key(ready.customers).values())
        for start in range(0, len(ids), _BATCH):
            showings = ShowingStore(unit).of_customers(ids[start : start + _BATCH], now - timedelta(days=7))
            counted = (sum(each.counts_at(now) for each in mine) for mine in showings.values())
            found = max(found, *counted, 0)
    return found


def prepare(settings: Settings, customers: int, tell: Callable[[str], None]) -> Ready:
    """A live shop in an empty database: three plans and an add-on; all have the small plan and scores, every other is at its limit."""
    upgrade(settings.resolved_database_url)
    services = build(settings)
    now = datetime.now(UTC)
    opened = open_tenant(
        services.database, name="Bench", currency="EUR", zone="UTC", mode=Mode.LIVE, now=now, origins=[]
    )
    scope, started = Scope(opened.tenant.id), now - timedelta(days=10)
    with services.database.unit(scope) as unit:
        small = _catalogue(unit, started)
    keys = tuple(f"c{number:06d}" for number in range(customers))
    for start in range(0, customers, _BATCH):
        part = keys[start : start + _BATCH]
        with services.database.unit(scope) as unit:
            ids = CustomerStore(unit).ensure(part, started)
            subscriptions = [_subscription(customer, small, started) for customer in ids.values()]
            SubscriptionStore(unit).add_many(subscriptions)
            GrantStore(unit).add([grant for each in subscriptions for grant in grants_of(small, each, started)])
        with services.database.unit(scope) as unit:
            ingest(unit, [_used(key, number) for key in part[::2] for number in range(LIMIT)], now=now)
        tell(f"{start + len(part):,} customers")
    _scores(services, scope, keys, now)
    return Ready(services, scope, opened.secret_key, keys)


def _catalogue(unit: Unit, at: datetime) -> PlanVersion:
    store = CatalogStore(unit)
    store.put_meter(Meter(key="boxes", name="Boxes", event_type="box", aggregation=Aggregation.COUNT))
    store.put_feature(Feature(key="boxes", name="Boxes", kind=FeatureKind.LIMIT, meter_key="boxes"))
    store.put_feature(Feature(key="early", name="Early access", kind=FeatureKind.BOOLEAN))
    versions = [
        publish(unit, _draft(key, rank, amount, grants), read_charge=meter_of, now=at)
        for key, rank, amount, grants in (
            ("small", 0, "9.00", [Granted("boxes", LIMIT)]),
            ("large", 1, "19.00", [Granted("boxes", 30), Granted("early", value=True)]),
            ("huge", 2, "49.00", [Granted("boxes", None), Granted("early", value=True)]),
        )
    ]
    publish(unit, _draft("extra", 0, "4.50", [Granted("boxes", 5)], PlanKind.ADDON), read_charge=meter_of, now=at)
    return versions[0]


def _draft(key: str, rank: int, amount: str, grants: list[Granted], kind: PlanKind = PlanKind.PLAN) -> Draft:
    return Draft(
        key=key,
        name=key.title(),
        kind=kind,
        rank=rank,
        currency="EUR",
        interval="month",
        charges=[{"key": "fee", "name": key.title(), "price": {"model": "flat", "amount": amount}}],
        grants=grants,
    )


def _subscription(customer_id: str, version: PlanVersion, at: datetime) -> Subscription:
    return Subscription(
        id=new_id("sub"),
        customer_id=customer_id,
        plan_key=version.plan_key,
        version_id=version.id,
        currency="EUR",
        cadence=Cadence(at, Interval.MONTH),
        status=Status.ACTIVE,
        started_at=at,
        ends_at=None,
        billed_periods=1,
        sequence=1,
        revision=1,
        usage_from=at,
    )


def _used(customer: str, number: int) -> dict[str, str]:
    return {"id": f"{customer}-{number}", "source": "bench", "type": "box", "customer": customer}


def _scores(services: Services, scope: Scope, keys: Sequence[str], now: datetime) -> None:
    """A low propensity and churn risk for everybody, so that the models are read and propose nothing."""
    with services.database.unit(scope) as unit:
        ids = sorted(CustomerStore(unit).ids_by_key(keys).values())
        for task in ("propensity", "churn"):
            scores = [Score(customer_id=each, version="bench", as_of=now, value=0.01, document={}) for each in ids]
            ScoreStore(unit).replace(task, scores)
