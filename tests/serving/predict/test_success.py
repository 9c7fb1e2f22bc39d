"""The report read from a real ledger says of a simulated shop what the benchmark says of it in memory."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from billing.customers.store import CustomerStore
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import invoice_issued
from features.experiments.exposures_store import Exposed, ExposureStore
from features.success.added import HELD_OUT, OFFERED, PROGRAMME
from models.success.incremental import Incremental
from serving.predict.success import programme_report, success_report
from tests.shop import open_shop
from training.simulate.offers import START as FIRST
from training.simulate.offers import WORLDS, draw_luck, draw_people
from training.simulate.offers_life import NEVER, VISIT_HOUR_SHARE, Life, Nobody
from training.truth.offers import judge
from training.truth.offers_sellers import LimitReached
from training.truth.offers_signals import instant

if TYPE_CHECKING:
    from billing.db.session import Database, Unit
    from training.simulate.offers_life import Lived

WORLD = replace(WORLDS[0], customers=400, weeks=12, holdout=0.45, fills_up=0.8)


def test_the_books_say_what_the_simulation_says(sqlite_database: Database) -> None:
    """Revenue per customer, the total and its interval; and the truth lies in it."""
    rng = np.random.default_rng(21)
    people = draw_people(WORLD, rng)
    luck, held_out = draw_luck(WORLD, people, rng), rng.random(WORLD.customers) < WORLD.holdout
    sold = Life(WORLD, people, luck, held_out).run(LimitReached())
    wanted = judge(sold, Life(WORLD, people, luck, held_out).run(Nobody()), held_out, WORLD)
    shop = open_shop(sqlite_database, customers=())
    with sqlite_database.unit(shop.scope) as unit:
        _write(unit, sold, held_out.tolist())

    with sqlite_database.view(shop.scope) as unit:
        period = Period(FIRST, instant(WORLD.weeks))
        found = programme_report(unit, period, currency="EUR").programme
        beside = success_report(unit, period, currency="EUR")

    assert isinstance(wanted.revenue, Incremental)
    assert isinstance(found.revenue, Incremental)
    assert (found.offered, found.held_out) == (wanted.offered, wanted.held_out)
    assert found.revenue.total == pytest.approx(wanted.revenue.total)
    assert (found.revenue.low, found.revenue.high) == pytest.approx((wanted.revenue.low, wanted.revenue.high))
    assert found.revenue.total_low <= wanted.true_revenue <= found.revenue.total_high
    revenue = next(each for each in beside.figures if each.measure.key == "revenue")
    assert revenue.offered is not None
    assert revenue.offered.value == pytest.approx(found.revenue.mean_offered)


def _write(unit: Unit, lived: Lived, held_out: list[bool]) -> None:
    keys = [f"c{number}" for number in range(len(held_out))]
    CustomerStore(unit).ensure(keys, FIRST)
    ids = CustomerStore(unit).ids_by_key(keys)
    facts = zip(lived.books.customer, lived.books.at, lived.books.amount_minor, strict=True)
    LedgerStore(unit).append_many(
        [
            invoice_issued(
                f"i{number}",
                at=instant(week),
                customer=ids[keys[who]],
                earned=Money(0, "EUR"),
                deferred=Money(minor, "EUR"),
            )
            for number, (who, week, minor) in enumerate(facts)
            if minor
        ]
    )
    ExposureStore(unit).add(
        [
            Exposed(
                experiment=PROGRAMME,
                unit=keys[who],
                customer_id=ids[keys[who]],
                arm=HELD_OUT if held_out[who] else OFFERED,
                at=instant(week + VISIT_HOUR_SHARE),
                counterfactual=held_out[who],
                propensity=1 - WORLD.holdout,
                plan="",
                segment="",
            )
            for who, week in enumerate(lived.exposed_week.tolist())
            if week != NEVER
        ]
    )
