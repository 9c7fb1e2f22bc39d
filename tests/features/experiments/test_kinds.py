"""Metrics of subscriptions, renewals, members and quantiles: small shops whose answers can be counted by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.purchases.store import PurchaseStore
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import StateChange
from features.experiments.experiment import unit_key
from features.experiments.exposures_store import Exposed, ExposureStore, Kept
from features.experiments.measures import by_key, counted
from features.experiments.metrics_store import MetricsStore
from features.experiments.moments import Moments
from features.experiments.outcomes_store import Run
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database, Unit

DAY = timedelta(days=1)
RUN = Run(experiment="prices", until=START + 60 * DAY)


def _expose(unit: Unit, customer: str, arm: str, *, member: str | None = None, at: datetime = START + 10 * DAY) -> None:
    name = unit_key("customer" if member is None else "member", customer, member)
    assert name is not None
    row = Exposed(
        experiment="prices",
        unit=name,
        customer_id=CustomerStore(unit).get(customer).id,
        arm=arm,
        at=at,
        counterfactual=False,
        propensity=0.5,
        member=member,
    )
    ExposureStore(unit).add([row])


def _step(unit: Unit, customer: str, kind: str, at: datetime, minor: int = 900) -> None:
    owner = CustomerStore(unit).get(customer).id
    HistoryStore(unit).record(
        StateChange(
            subscription_id=SubscriptionStore(unit).running_of([owner])[owner].id,
            customer_id=owner,
            kind=kind,
            plan_key="starter",
            plan_rank=0,
            mrr_minor=minor,
            at=at,
            received_at=at,
        )
    )


def _sums(unit: Unit, run: Run, **metric: Any) -> dict[str, Moments]:
    found: dict[str, Moments] = {}
    for cell in MetricsStore(unit).cells(run, [counted(metric)]):
        found[cell.arm] = found.get(cell.arm, Moments()) + cell.moments
    return found


def test_churn_counts_those_who_had_a_subscription_and_conversion_counts_all(database: Database) -> None:
    """Ann leaves in her window, Bob after it, Cleo never had one and buys, Dora moves up, Eve's window is not over."""
    shop = open_shop(database, customers=("ann", "bob", "cleo", "dora", "eve"))
    with database.unit(shop.scope) as unit:
        for who in ("ann", "bob", "dora", "eve"):
            subscribe(unit, who, "starter", now=START)
        _step(unit, "ann", "ended", START + 12 * DAY, 0)
        _step(unit, "bob", "ended", START + 31 * DAY, 0)
        subscribe(unit, "cleo", "starter", now=START + 11 * DAY)
        _step(unit, "dora", "changed", START + 13 * DAY, 1900)
        for who in ("ann", "bob", "cleo", "dora"):
            _expose(unit, who, "control")
        _expose(unit, "eve", "control", at=START + 50 * DAY)

        churn = _sums(unit, RUN, key="churn", kind="rate", window_days=20)["control"]
        stayed = _sums(unit, RUN, key="retention", kind="retention", window_days=20)["control"]
        bought = _sums(unit, RUN, key="conversion", kind="rate", window_days=20)["control"]

    assert (churn.n, churn.y) == (3, 1)
    assert (stayed.n, stayed.y) == (3, 2)
    assert (bought.n, bought.y) == (4, 2)


def test_the_renewal_rate_is_periods_begun_of_periods_due(database: Database) -> None:
    """Both next months of both are billed: all that were due."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        for who in ("ann", "bob"):
            subscribe(unit, who, "starter", now=START)
            _expose(unit, who, "control", at=START + DAY)
    for month in (1, 2):
        run_billing(database, shop.scope, now=START + timedelta(days=31 * month, hours=2), grace=timedelta(0))
    with database.view(shop.scope) as unit:
        run = Run(experiment="prices", until=START + 70 * DAY)
        found = _sums(unit, run, key="renewal_rate", kind="ratio")["control"]

    assert found.x == found.y > 2


def test_members_of_a_customer_that_was_drawn_whole_are_one_cluster(database: Database) -> None:
    """Two members of Acme use it three times, one of Bolt never: y is the customer's sum, x its members."""
    shop = open_shop(database, customers=("acme", "bolt"))
    with database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(["acme", "bolt"])
        _expose(unit, "acme", "warm", member="ann")
        _expose(unit, "acme", "warm", member="bob", at=START + 12 * DAY)
        _expose(unit, "bolt", "warm", member="ann")
        _use(unit, ids, [("acme", "ann", 11), ("acme", "ann", 12), ("acme", "bob", 13), ("acme", "bob", 11)])
        asked = {"key": "lessons", "measure": "event_count", "event": "lesson", "kind": "mean"}
        clustered = _sums(unit, _members("customer"), **asked)["warm"]
        single = _sums(unit, _members("member"), **asked)["warm"]
        money = _sums(unit, _members("customer"), key="revenue", kind="mean")["warm"]

    assert clustered == Moments(n=2, y=3, yy=9, x=3, xx=5, xy=6)
    assert (single.n, single.y, single.yy) == (3, 3, 5)
    assert money.n == 2


def _members(assigned_by: str) -> Run:
    return Run(experiment="prices", until=RUN.until, unit="member", assigned_by=assigned_by)


def _use(unit: Unit, ids: dict[str, str], uses: list[tuple[str, str, int]]) -> None:
    events = [
        UsageEvent(
            id=f"e{number}",
            source="app",
            type="lesson",
            customer=customer,
            at=START + day * DAY,
            data={"member": member},
        )
        for number, (customer, member, day) in enumerate(uses)
    ]
    EventStore(unit).insert(events, ids, None)


def test_a_quantile_is_an_observed_value_with_those_around_it(database: Database) -> None:
    """Of the orders 1 to 101 the median is 51; its 95 % rank interval reaches from the 41st to the 61st."""
    keys = tuple(f"c{number}" for number in range(101))
    shop = open_shop(database, customers=keys)
    with database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(keys)
        at = START + 11 * DAY
        lines = [
            {"key": key, "customer_id": ids[key], "item": "tea", "basket": key, "at": at, "received_at": at}
            | {"quantity": 1, "amount_minor": number + 1, "currency": "EUR"}
            for number, key in enumerate(keys)
        ]
        PurchaseStore(unit).insert(lines)
        for key in keys:
            _expose(unit, key, "control")
        metric = counted({"key": "spend", "kind": "quantile", "quantile": 0.5})
        found = MetricsStore(unit).order_statistics(RUN, metric)["control"]

    assert (found.n, found.value, found.low, found.high) == (101, 51, 41, 61)


def test_the_first_exposure_stays_and_another_arm_is_a_crossing(database: Database) -> None:
    """Once a unit, whatever is told and in whatever order of calls."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        _expose(unit, "ann", "control")
        again = ExposureStore(unit).add(
            [_row(unit, "ann", "control"), _row(unit, "ann", "warm"), _row(unit, "bob", "warm")]
        )
        counts, tally = ExposureStore(unit).counts("prices"), ExposureStore(unit).tally("prices")
        forgotten = ExposureStore(unit).forget(CustomerStore(unit).get("ann").id)

    assert again == Kept(new=1, again=1, crossed=1)
    assert counts == {"control": 1, "warm": 1}
    assert tally == [("2026-02-10", "control", 1, 1), ("2026-02-20", "warm", 1, 0)]
    assert forgotten == 1


def _row(unit: Unit, customer: str, arm: str) -> Exposed:
    return Exposed(
        experiment="prices",
        unit=customer,
        customer_id=CustomerStore(unit).get(customer).id,
        arm=arm,
        at=START + 20 * DAY,
        counterfactual=False,
        propensity=0.5,
    )


def test_a_measure_that_there_is_not_is_named_with_those_there_are() -> None:
    """The error lists them."""
    with pytest.raises(Exception, match="revenue, margin"):
        by_key("luck")
