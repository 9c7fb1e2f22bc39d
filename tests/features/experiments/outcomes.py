"""A shop with outcomes drawn at random, written through its stores, and the same sums added up by hand for comparison."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.posting import Entry, Transaction
from billing.ledger.store import LedgerStore
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from features.experiments.exposures_store import Exposed, ExposureStore
from features.experiments.measures import How
from features.experiments.moments import Moments
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from billing.db.session import Unit
    from features.experiments.measures import Counted

RUN = "prices"
ARMS = ("control", "warm")
PLANS = ("", "starter", "pro")
DAYS = 40


@dataclass(slots=True)
class Outcomes:
    """Facts by customer key: (at, values) of each source, and the exposures."""

    exposed: dict[str, Exposed] = field(default_factory=dict)
    books: dict[str, list[tuple[datetime, dict[str, int]]]] = field(default_factory=lambda: defaultdict(list))
    orders: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[tuple[datetime, dict[str, Any]]]] = field(default_factory=lambda: defaultdict(list))


def moment(rng: random.Random) -> datetime:
    """Some microsecond of the days that are drawn from."""
    return START + timedelta(microseconds=rng.randrange(DAYS * 86_400 * 10**6))


def fill(unit: Unit, seed: int, customers: int = 60) -> Outcomes:
    """Write random exposures, books, orders and events; the answer is what was written."""
    rng, made = random.Random(seed), Outcomes()
    keys = [f"c{number}" for number in range(customers)]
    CustomerStore(unit).ensure(keys, START)
    ids = CustomerStore(unit).ids_by_key(keys)
    for key in keys[: customers - 5]:
        made.exposed[key] = Exposed(
            experiment=RUN,
            unit=key,
            customer_id=ids[key],
            arm=rng.choice(ARMS),
            at=moment(rng),
            counterfactual=rng.random() < 0.3,
            propensity=0.5,
            plan=rng.choice(PLANS),
            segment=rng.choice(("", "gold")),
        )
    store = ExposureStore(unit)
    store.add(list(made.exposed.values()))
    store.add([_other(each) for each in made.exposed.values() if each.unit.endswith("3")])
    _book(unit, rng, ids, made)
    _order(unit, rng, ids, made)
    _use(unit, rng, ids, made)
    return made


def _other(exposed: Exposed) -> Exposed:
    return replace(exposed, arm=ARMS[1 - ARMS.index(exposed.arm)])


def _book(unit: Unit, rng: random.Random, ids: Mapping[str, str], made: Outcomes) -> None:
    transactions = []
    for number in range(400):
        key, at, net = rng.choice(list(ids)), moment(rng), rng.randrange(1, 9_000)
        kind = rng.choice(("invoice_issued", "invoice_issued", "credit_note_issued", "invoice_given_up", "fee"))
        tax = net // 5
        if kind == "invoice_issued":
            sides = [(Account.RECEIVABLE, net + tax), (Account.DEFERRED_REVENUE, -net), (Account.TAX_PAYABLE, -tax)]
            told = {"revenue": net, "margin": net * 7_000, "refunds": 0, "cash": 0}
        elif kind == "credit_note_issued":
            sides = [(Account.REVENUE, net), (Account.TAX_PAYABLE, tax), (Account.REFUNDS_DUE, -net - tax)]
            told = {"revenue": -net, "margin": -net * 7_000, "refunds": 1, "cash": 0}
        elif kind == "invoice_given_up":
            sides = [(Account.BAD_DEBT, net), (Account.RECEIVABLE, -net)]
            told = {"revenue": -net, "margin": -net * 10_000, "refunds": 0, "cash": 0}
        else:
            sides = [(Account.FEES, net), (Account.CASH, -net)]
            told = {"revenue": 0, "margin": -net * 10_000, "refunds": 0, "cash": -net}
        currency = "EUR" if rng.random() < 0.9 else "USD"
        entries = tuple(Entry(account, Money(minor, currency)) for account, minor in sides)
        transactions.append(Transaction(f"{kind}:{number}", at, "drawn", entries, ids[key]))
        if currency == "EUR":
            made.books[key].append((at, told))
    LedgerStore(unit).append_many(transactions)


def _order(unit: Unit, rng: random.Random, ids: Mapping[str, str], made: Outcomes) -> None:
    rows = []
    for number in range(300):
        key, at, spend, basket = rng.choice(list(ids)), moment(rng), rng.randrange(-500, 4_000), f"b{number // 2}"
        row = {"key": f"l{number}", "customer_id": ids[key], "item": "tea", "basket": basket, "at": at}
        rows.append(row | {"received_at": at, "quantity": 1, "amount_minor": spend, "currency": "EUR"})
        made.orders[key].append((at, {"spend": spend, "basket": basket, "lines": 1}))
    PurchaseStore(unit).insert(rows)


def _use(unit: Unit, rng: random.Random, ids: Mapping[str, str], made: Outcomes) -> None:
    events = []
    for number in range(300):
        key, at = rng.choice(list(ids)), moment(rng)
        said, worth = rng.choice(((3, 3_000_000), ("2.5", 2_500_000), ("many", 0), (0.25, 250_000), (None, 0)))
        data = {"minutes": said} if said is not None else {}
        events.append(UsageEvent(id=f"e{number}", source="shop", type="lesson", customer=key, at=at, data=data))
        made.events[key].append((at, {"events": 1, "millionths": worth}))
    EventStore(unit).insert(events, dict(ids), None)


def by_hand(made: Outcomes, metric: Counted, until: datetime, by: Sequence[str]) -> dict[Any, Moments]:
    """What the store should answer, unit by unit in plain Python: by arm, crossing and levels."""
    facts: dict[str, list[tuple[datetime, dict[str, Any]]]] = getattr(made, metric.measure.source.value)
    units: dict[str, tuple[Any, Any, Any]] = {}
    for key, exposed in made.exposed.items():
        if exposed.at >= until:
            continue
        end = until if metric.window_days is None else exposed.at + timedelta(days=metric.window_days)
        if end > until and metric.window_days is not None:
            continue
        units[key] = _one(metric, [fact for fact in facts.get(key, []) if fact[0] < until], exposed.at, end)
    if metric.winsorise is not None:
        units = _pulled_in(units, metric)
    found: dict[Any, list[tuple[Any, Any, Any]]] = defaultdict(list)
    for key, values in units.items():
        exposed = made.exposed[key]
        levels = tuple(_LEVELS[name](exposed) for name in by)
        found[exposed.arm, key.endswith("3"), levels].append(values)
    return {place: _added(values, metric) for place, values in found.items()}


_LEVELS: dict[str, Callable[[Exposed], str]] = {
    "plan": lambda exposed: exposed.plan or "",
    "segment": lambda exposed: exposed.segment or "",
    "day": lambda exposed: exposed.at.date().isoformat(),
    "week": lambda exposed: _monday(exposed.at.date()).isoformat(),
}


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _one(metric: Counted, facts: Sequence[Any], at: datetime, end: datetime) -> tuple[Any, Any, Any]:
    measure = metric.measure
    mine = [values for when, values in facts if at <= when < end]
    total = sum(values[measure.value] for values in mine)
    if measure.how is How.ANY:
        return int(total > 0), 0, 0
    if measure.how is How.RATIO:
        return total, len({values[measure.over] for values in mine}), 0
    if metric.past_days is None:
        return total, 0, 0
    past = [values for when, values in facts if at - timedelta(days=metric.past_days) <= when < at]
    return total, sum(values[measure.value] for values in past), int(not past)


def _pulled_in(units: dict[str, tuple[Any, Any, Any]], metric: Counted) -> dict[str, tuple[Any, Any, Any]]:
    bounds = [_bounds([values[place] for values in units.values()], metric.winsorise or 1) for place in (0, 1)]
    return {
        key: (*(min(max(values[place], bounds[place][0]), bounds[place][1]) for place in (0, 1)), values[2])
        for key, values in units.items()
    }


def _bounds(values: list[int], quantile: float) -> tuple[int, int]:
    kept = sorted(value for value in values if value)
    if not kept:
        return 0, 0
    high, low = (kept[max(ceil(len(kept) * share - 1e-12), 1) - 1] for share in (quantile, 1 - quantile))
    return min(low, 0), max(high, 0)


def _added(values: list[tuple[Any, Any, Any]], metric: Counted) -> Moments:
    scale = metric.measure.scale
    beside = scale if metric.past_days is not None else 1
    return Moments(
        n=len(values),
        y=sum(y for y, _, _ in values) / scale,
        yy=sum(y * y for y, _, _ in values) / scale**2,
        x=sum(x for _, x, _ in values) / beside,
        xx=sum(x * x for _, x, _ in values) / beside**2,
        xy=sum(x * y for y, x, _ in values) / (scale * beside),
        m=sum(m for _, _, m in values),
        my=sum(y * m for y, _, m in values) / scale,
    )
