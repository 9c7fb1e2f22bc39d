"""Whole lives of subscriptions on every engine: trials, seats, pauses, ends, scheduled changes, with amounts one can check by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.catalog.plan import Granted, PlanKind
from billing.catalog.publish import Draft, publish
from billing.entitlements.check import Question, check
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.pricing.ratecard import meter_of
from billing.subscriptions.cancel import cancel_at_period_end, cancel_now, uncancel
from billing.subscriptions.change import When, change, change_now, preview_at, remove_addon
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.migrate import migrate
from billing.subscriptions.pause import pause_at_period_end, pause_now, resume
from billing.subscriptions.rezone import rezone
from billing.subscriptions.schedule import cancel_scheduled
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import Options, TrialUsedError, subscribe
from billing.subscriptions.subscription import ChangeRefusedError, Status
from tests.shop import START, Shop, fee, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.session import Database
    from billing.subscriptions.subscription import Subscription

END = START.replace(month=2, day=28)
HALF = START + timedelta(days=14)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with its catalogue, a yearly plan beside it and an add-on that is bought once."""
    shop = open_shop(database)
    _publish(shop, "yearly", PlanKind.PLAN, "120.00", interval="year")
    _publish(
        shop, "setup", PlanKind.ADDON, "25.00", terms={"billing": "once"}, grants=[Granted("tastings", value=True)]
    )
    return shop


def _publish(shop: Shop, key: str, kind: PlanKind, amount: str, **more: object) -> None:
    values = {"interval": "month", "grants": [Granted("early_access", value=True)] if kind is PlanKind.PLAN else []}
    with shop.database.unit(shop.scope) as unit:
        draft = Draft(
            key=key,
            name=key,
            kind=kind,
            rank=3,
            currency="EUR",
            charges=[fee(key, amount)],
            **{**values, **more},  # type: ignore[arg-type] # (a table)
        )
        publish(unit, draft, read_charge=meter_of, now=START)


def _do(shop: Shop, now: datetime, use: Callable[..., object], *given: object, **named: object) -> object:
    """A use case at an instant, with billing before and after it, as the routes do."""
    run_billing(shop.database, shop.scope, now=now)
    with shop.database.unit(shop.scope) as unit:
        result = use(unit, *given, now=now, **named)
    run_billing(shop.database, shop.scope, now=now)
    return result


def _start(shop: Shop, plan: str = "starter", now: datetime = START, **options: object) -> str:
    with shop.database.unit(shop.scope) as unit:
        started = subscribe(unit, "ann", plan, now=now, options=Options(**options))  # type: ignore[arg-type] # (a table)
    run_billing(shop.database, shop.scope, now=now)
    return started.id


def _now(shop: Shop, subscription_id: str) -> Subscription:
    with shop.database.view(shop.scope) as unit:
        return SubscriptionStore(unit).get(subscription_id)


def _billed(shop: Shop) -> int:
    with shop.database.view(shop.scope) as unit:
        return sum(invoice.total.amount_minor for invoice in InvoiceStore(unit).page(limit=100).items)


def _may(shop: Shop, feature: str, now: datetime) -> bool:
    with shop.database.view(shop.scope) as unit:
        return check(unit, [Question("ann", feature)], now=now)[0].allowed


def _mrr(shop: Shop) -> int:
    with shop.database.view(shop.scope) as unit:
        return HistoryStore(unit).mrr().get("EUR", 0)


def test_a_trial_costs_nothing_until_it_ends(shop: Shop) -> None:
    """Fourteen days without a fee or revenue, with every right; then the first period begins."""
    started = _start(shop, "plus", trial_days=14)
    assert (_billed(shop), _mrr(shop), _may(shop, "early_access", START)) == (0, 0, True)

    run_billing(shop.database, shop.scope, now=HALF)

    found = _now(shop, started)
    assert (found.status, found.cadence.anchor, _billed(shop), _mrr(shop)) == (Status.ACTIVE, HALF, 1900, 1900)


def test_a_trial_is_had_once_unless_forced(shop: Shop) -> None:
    """A second wish is refused; forcing it is the business's own choice."""
    started = _start(shop, "plus", trial_days=14)
    _do(shop, START + timedelta(days=1), cancel_now, started)

    with pytest.raises(TrialUsedError):
        _start(shop, "plus", now=HALF, trial_days=7)
    assert _now(shop, _start(shop, "plus", now=HALF, trial_days=7, force_trial=True)).status is Status.TRIALING


def test_a_cancelled_trial_ends_with_the_trial_and_bills_nothing(shop: Shop) -> None:
    """Whoever leaves during a trial has paid nothing; and may come back before its end."""
    started = _start(shop, "plus", trial_days=45)
    _do(shop, START + timedelta(days=1), cancel_at_period_end, started)
    assert _now(shop, started).ends_at == START + timedelta(days=45)
    _do(shop, START + timedelta(days=2), uncancel, started)
    assert _now(shop, started).status is Status.TRIALING
    _do(shop, START + timedelta(days=3), cancel_at_period_end, started)

    run_billing(shop.database, shop.scope, now=START + timedelta(days=60))

    assert (_now(shop, started).status, _billed(shop)) == (Status.ENDED, 0)


def test_a_pause_now_gives_back_half_a_period_and_stops_every_right(shop: Shop) -> None:
    """Fourteen of 28 days of 19.00 are 9.50; the resumed subscription starts a new period with its full fee."""
    started = _start(shop, "plus")
    _do(shop, HALF, pause_now, started, credit=True)
    run_billing(shop.database, shop.scope, now=HALF + timedelta(days=1))
    assert (_now(shop, started).status, _may(shop, "early_access", HALF), _mrr(shop)) == (Status.PAUSED, False, 0)
    assert _billed(shop) == 950

    later = HALF + timedelta(days=100)
    _do(shop, later, resume, started)

    found = _now(shop, started)
    assert (found.status, found.cadence.anchor, _billed(shop), _mrr(shop)) == (Status.ACTIVE, later, 950 + 1900, 1900)
    assert _may(shop, "early_access", later)


def test_a_pause_at_the_periods_end_resumes_by_itself(shop: Shop) -> None:
    """Nothing is billed between the two instants."""
    started = _start(shop, "plus")
    back = END + timedelta(days=30)
    _do(shop, HALF, pause_at_period_end, started, resume_at=back)
    run_billing(shop.database, shop.scope, now=back - timedelta(seconds=1))
    assert (_now(shop, started).status, _billed(shop)) == (Status.PAUSED, 1900)

    run_billing(shop.database, shop.scope, now=back)

    assert (_now(shop, started).status, _billed(shop)) == (Status.ACTIVE, 3800)


def test_a_cancellation_now_gives_unused_time_back(shop: Shop) -> None:
    """Half of 9.00 is 4.50."""
    started = _start(shop)
    _do(shop, HALF, cancel_now, started, credit=True)
    run_billing(shop.database, shop.scope, now=HALF + timedelta(days=1))

    assert (_now(shop, started).status, _billed(shop), _may(shop, "deliveries", HALF)) == (Status.ENDED, 450, False)


def test_uncancelling_keeps_rights_and_renewal(shop: Shop) -> None:
    """As if nothing had been said."""
    started = _start(shop, "plus")
    _do(shop, HALF, cancel_at_period_end, started)
    assert not _may(shop, "early_access", END)
    _do(shop, HALF, uncancel, started)

    run_billing(shop.database, shop.scope, now=END + timedelta(days=1))

    assert (_now(shop, started).status, _billed(shop), _may(shop, "early_access", END)) == (Status.ACTIVE, 3800, True)


def test_a_downgrade_waits_for_the_periods_end_and_can_be_taken_back(shop: Shop) -> None:
    """By direction: down later, up at once; asking for what one has cancels what was scheduled."""
    started = _start(shop, "plus")
    _do(shop, HALF, change, started, "starter", when=When.AUTO)
    assert [(step.target, step.at) for step in _now(shop, started).scheduled] == [("starter", END)]
    _do(shop, HALF, change, started, "plus")
    assert _now(shop, started).scheduled == ()
    _do(shop, HALF, change, started, "starter", when=When.PERIOD_END)
    _do(shop, HALF, cancel_scheduled, started)
    _do(shop, HALF, change, started, "starter", when=When.AUTO)

    run_billing(shop.database, shop.scope, now=END + timedelta(days=1))

    found = _now(shop, started)
    assert (found.plan_key, _billed(shop), _mrr(shop)) == ("starter", 1900 + 900, 900)
    assert not _may(shop, "early_access", END)


def test_a_change_scheduled_inside_a_period_is_shared_out_as_of_its_instant(shop: Shop) -> None:
    """However late billing runs, half of 19.00 goes back and half of 49.00 is charged, on the next invoice."""
    started = _start(shop, "plus")
    with shop.database.view(shop.scope) as unit:
        at, shown = preview_at(unit, SubscriptionStore(unit).get(started), "pro", now=START, when=HALF)
    _do(shop, START, change, started, "pro", when=HALF)

    run_billing(shop.database, shop.scope, now=END + timedelta(days=1))

    assert (at, shown.total.amount_minor, _now(shop, started).plan_key) == (HALF, 1500, "pro")
    assert _billed(shop) == 1900 + 1500 + 4900


def test_another_interval_now_starts_the_periods_over(shop: Shop) -> None:
    """Half a month of 19.00 goes back, and a whole year is charged, exactly as previewed."""
    started = _start(shop, "plus")
    with shop.database.view(shop.scope) as unit:
        _, shown = preview_at(unit, SubscriptionStore(unit).get(started), "yearly", now=HALF)
    _do(shop, HALF, change, started, "yearly")
    run_billing(shop.database, shop.scope, now=HALF + timedelta(days=1))

    found = _now(shop, started)
    assert (found.cadence.anchor, found.plan_key, shown.total.amount_minor) == (HALF, "yearly", 12000 - 950)
    assert (_billed(shop), _mrr(shop)) == (1900 - 950 + 12000, 1000)


def test_an_addon_goes_now_with_its_unused_time_or_at_the_end(shop: Shop) -> None:
    """7.50 comes and goes at one instant for nothing; at the period's end it just does not renew."""
    started = _start(shop, addons=("tasting_box",))
    assert _billed(shop) == 1650
    _do(shop, HALF, remove_addon, started, "tasting_box")
    _do(shop, HALF, change, started, "tasting_box")
    _do(shop, HALF, remove_addon, started, "tasting_box", when=When.PERIOD_END)
    assert _may(shop, "tastings", END - timedelta(seconds=1))

    run_billing(shop.database, shop.scope, now=END + timedelta(days=1))

    assert (_billed(shop), _may(shop, "tastings", END)) == (1650 + 900, False)


def test_what_is_bought_once_is_billed_once_and_outlasts_a_change(shop: Shop) -> None:
    """25.00 once; the feature stays through a change that starts the periods over."""
    started = _start(shop, "plus")
    _do(shop, HALF, change, started, "setup")
    _do(shop, HALF, change, started, "yearly")
    run_billing(shop.database, shop.scope, now=HALF + timedelta(days=1))

    assert _billed(shop) == 1900 + 2500 - 950 + 12000
    assert _may(shop, "tastings", HALF + timedelta(days=1))
    assert _mrr(shop) == 1000


def test_a_new_version_reaches_nobody_without_a_migration(shop: Shop) -> None:
    """Moved at the period's end, once, however often it is asked for."""
    started = _start(shop, "yearly")
    _publish(shop, "yearly", PlanKind.PLAN, "150.00", interval="year")
    asked = lambda: migrate(lambda: shop.database.unit(shop.scope), "yearly", 2, now=HALF)  # noqa: E731 (asked twice)
    assert (asked().moved, [reason for _, reason in asked().skipped]) == ([started], ["it is set to move already"])

    run_billing(shop.database, shop.scope, now=START.replace(year=2027) + timedelta(days=1))

    assert (_billed(shop), asked().moved) == (12000 + 15000, [])


def test_a_customer_who_moves_keeps_the_periods_end(shop: Shop) -> None:
    """Then the same hour on the new wall: 18:00 in Tokyo is 09:00 in UTC, all year; the month's last day is remembered."""
    started = _start(shop)
    _do(shop, HALF, rezone, "ann", "America/New_York")
    assert _now(shop, started).cadence.boundary(_now(shop, started).billed_periods) == END

    run_billing(shop.database, shop.scope, now=END)

    found = _now(shop, started)
    assert found.cadence.boundary(found.billed_periods).isoformat() == "2026-03-31T08:00:00+00:00"


def test_what_has_ended_refuses_everything(shop: Shop) -> None:
    """Each use case says so."""
    started = _start(shop)
    _do(shop, HALF, cancel_now, started)

    for use, given in ((change, ("plus",)), (pause_now, ()), (resume, ()), (uncancel, ()), (cancel_now, ())):
        with pytest.raises(ChangeRefusedError):
            _do(shop, HALF, use, started, *given)


def test_several_changes_within_a_period_are_billed_together(shop: Shop) -> None:
    """Starter to pro to starter to plus, days apart: the lines of plans that were left long ago are on the same invoice."""
    with shop.database.unit(shop.scope) as unit:
        made = subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START, grace=timedelta())
    for days, plan in ((5, "pro"), (9, "starter"), (12, "plus")):
        with shop.database.unit(shop.scope) as unit:
            change_now(unit, made.id, plan, now=START + timedelta(days=days))
    report = run_billing(shop.database, shop.scope, now=START + timedelta(days=29), grace=timedelta())
    assert (report.issued, report.failed) == (1, [])
    with shop.database.view(shop.scope) as unit:
        invoice = InvoiceStore(unit).page(limit=1).items[0]
    assert sum(line.kind == "change" for line in invoice.lines) == 6
