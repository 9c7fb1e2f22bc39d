"""The history's monthly value is right at every step, and the report over it adds up, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.invoices.cycle import run_billing
from billing.kernel.period import Period
from billing.metering.windows import Window
from billing.pricing.context import PricingContext
from billing.pricing.ratecard import meter_of
from billing.revenue.mrr.movement import Movement
from billing.revenue.mrr.read import mrr_report, read_moves
from billing.revenue.mrr.reconcile import reconcile
from billing.revenue.recognise import recognise
from billing.subscriptions.cancel import cancel_at_period_end, cancel_now
from billing.subscriptions.change import When, change, remove_addon
from billing.subscriptions.facts import set_facts
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.pause import pause_now, resume
from billing.subscriptions.subscribe import Options, subscribe
from tests.shop import START, fee, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database
    from tests.shop import Shop

N, E, C, X, R = Movement.NEW, Movement.EXPANSION, Movement.CONTRACTION, Movement.CHURN, Movement.REACTIVATION


def _plan(shop: Shop, key: str, amount: str, *, interval: str = "month", **terms: Any) -> None:
    charge = fee(key, amount)
    charge |= {name: terms.pop(name) for name in ("rules", "per", "price") if name in terms}
    draft = Draft(
        key=key,
        name=key,
        kind=PlanKind.PLAN,
        rank=5,
        currency="EUR",
        interval=interval,
        charges=[charge],
        grants=[],
        terms=terms,
    )
    with shop.database.unit(shop.scope) as unit:
        publish(unit, draft, read_charge=meter_of, now=START)


def _bill(shop: Shop, day: int) -> datetime:
    at = START + timedelta(days=day)
    assert not run_billing(shop.database, shop.scope, now=at).failed
    return at


def _subscribed(shop: Shop, plan: str, options: Options | None = None) -> str:
    with shop.database.unit(shop.scope) as unit:
        found = subscribe(unit, "ann", plan, now=START, options=options or Options()).id
    _bill(shop, 0)
    return found


def _moves(shop: Shop) -> list[tuple[Movement, int, int]]:
    """(kind, minor units, whole days after the start)."""
    with shop.database.view(shop.scope) as unit:
        return [(move.kind, move.minor, (move.at - START).days) for move in read_moves(unit)]


def _at(day: int) -> datetime:
    return START + timedelta(days=day)


def test_seats_a_pause_and_the_end(database: Database) -> None:
    """Three seats of 12.34, then five, a pause, its end, four seats, and the end at a period's end."""
    shop = open_shop(database)
    price = {"model": "per_unit", "unit_price": "12.34"}
    _plan(shop, "team", "", price=price, per="seat", quantity="seats", max_seats=9)
    team = _subscribed(shop, "team", Options(seats=3))
    with database.unit(shop.scope) as unit:
        change(unit, team, "team", now=_at(5), seats=5)
    with database.unit(shop.scope) as unit:
        pause_now(unit, team, now=_at(10))
    _bill(shop, 10)
    with database.unit(shop.scope) as unit:
        resume(unit, team, now=_at(15))
    _bill(shop, 15)
    with database.unit(shop.scope) as unit:
        change(unit, team, "team", now=_at(16), seats=4, when=When.PERIOD_END)
    _bill(shop, 50)
    with database.unit(shop.scope) as unit:
        cancel_at_period_end(unit, team, now=_at(51))
    _bill(shop, 90)
    moved = [(kind, minor) for kind, minor, _ in _moves(shop)]
    assert moved == [(N, 3702), (E, 2468), (X, -6170), (R, 6170), (C, -1234), (X, -4936)]


def test_a_trial_an_add_on_and_a_yearly_plan(database: Database) -> None:
    """A trial is worth nothing; 9.00 and 7.50 a month, and 9.00 again; then 199.99 a year, which is 16.67 a month."""
    shop = open_shop(database)
    _plan(shop, "yearly", "199.99", interval="year")
    found = _subscribed(shop, "starter", Options(trial_days=10))
    assert _moves(shop) == []
    _bill(shop, 10)
    with database.unit(shop.scope) as unit:
        change(unit, found, "tasting_box", now=_at(12))
    with database.unit(shop.scope) as unit:
        remove_addon(unit, found, "tasting_box", now=_at(15))
    with database.unit(shop.scope) as unit:
        change(unit, found, "yearly", now=_at(20))
    _bill(shop, 20)
    with database.unit(shop.scope) as unit:
        cancel_now(unit, found, now=_at(25))
    _bill(shop, 25)
    with database.unit(shop.scope) as unit:
        subscribe(unit, "ann", "pro", now=_at(300))
    moved = _moves(shop)
    assert moved == [(N, 900, 10), (E, 750, 12), (C, -750, 15), (E, 767, 20), (X, -1667, 25), (R, 4900, 300)]


def test_a_phase_counts_at_its_own_price(database: Database) -> None:
    """Two months at half price: 10.00, and 20.00 from the third on, without anybody doing anything."""
    shop = open_shop(database)
    _plan(shop, "intro", "20.00", phases=[{"name": "half", "periods": 2, "percent_off": "50"}])
    _subscribed(shop, "intro")
    for day in (30, 70, 100):
        _bill(shop, day)
    assert [(kind, minor) for kind, minor, _ in _moves(shop)] == [(N, 1000), (E, 1000)]
    with database.view(shop.scope) as unit:
        expansion = [move.at for move in read_moves(unit)][1]
        assert HistoryStore(unit).mrr() == {"EUR": 2000}
    assert expansion == datetime(2026, 3, 31, 9, tzinfo=UTC)


def test_facts_that_change_a_price_are_a_movement(database: Database) -> None:
    """Gold customers pay a fifth less from the next fees on, and run at that price from when it is known."""
    shop = open_shop(database)
    rule = {"name": "Gold", "when": {"segment": ["gold"]}, "then": {"percent_off": "20"}}
    _plan(shop, "ruled", "20.00", rules=[rule])
    found = _subscribed(shop, "ruled")
    for day, segments in ((3, {"gold"}), (4, {"gold", "late"}), (5, set[str]())):
        with database.unit(shop.scope) as unit:
            set_facts(unit, found, PricingContext(segments=frozenset(segments)), now=_at(day))
    assert _moves(shop) == [(N, 2000, 0), (C, -400, 3), (E, 400, 5)]


def test_the_report_stands_beside_the_books(database: Database) -> None:
    """February of a month's fee from the 31st of January: what its days earned beside the average of 9.00."""
    shop = open_shop(database)
    _subscribed(shop, "starter")
    for day in (28, 60):
        _bill(shop, day)
    recognise(database, shop.scope, until=_at(60))
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    with database.view(shop.scope) as unit:
        rows = reconcile(unit, mrr_report(unit, period, Window.MONTH, zone="UTC"))
        days = mrr_report(unit, period, Window.DAY, zone="UTC")
    assert [(row.window.opening.text, row.window.moved[N].text, row.window.closing.text) for row in rows] == [
        ("0.00", "9.00", "9.00"),
        ("9.00", "0.00", "9.00"),
        ("9.00", "0.00", "9.00"),
    ]
    assert [row.window.average.text for row in rows] == ["0.18", "9.00", "9.00"]  # 15 of January's 744 hours
    assert all(row.difference == row.recognised - row.window.average for row in rows)
    assert (rows[0].recognised.text, rows[1].difference.amount_minor) == ("0.20", rows[1].recognised.amount_minor - 900)
    assert abs(rows[1].difference.amount_minor) < 40
    assert len(days) == 90
    assert sum(day.counts[N] for day in days) == 1


def test_one_shop_knows_nothing_of_another(database: Database) -> None:
    """The same customer key in a second shop has no history there."""
    shop = open_shop(database)
    other = open_shop(database, "Leaf Lane")
    _subscribed(shop, "starter")
    assert len(_moves(shop)) == 1
    assert _moves(other) == []
