"""Publishing: what cannot be sold is refused in words, and what was published never changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.catalog.item import (
    Aggregation,
    Feature,
    FeatureKind,
    FeatureNotFoundError,
    Meter,
    MeterNotFoundError,
)
from billing.catalog.plan import Granted, PlanKind, PlanNotFoundError, PlanVersion
from billing.catalog.publish import MAX_CHARGE_KEY, Draft, publish
from billing.catalog.store import CatalogStore
from billing.entitlements.check import Question, check
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import ConflictError, InvalidError, UptierError
from billing.pricing.ratecard import meter_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, Shop, fee, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

CLUB = Draft(
    key="club",
    name="Club",
    kind=PlanKind.PLAN,
    rank=5,
    currency="EUR",
    interval="month",
    charges=[fee("Membership", "5.00")],
    grants=[Granted("deliveries", 4), Granted("early_access", value=True)],
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with its catalogue."""
    return open_shop(database)


def _publish(shop: Shop, draft: Draft = CLUB, **changed: Any) -> PlanVersion:
    with shop.database.unit(shop.scope) as unit:
        return publish(unit, replace(draft, **changed), read_charge=meter_of, now=START)


def _versions(shop: Shop, key: str = "club") -> list[PlanVersion]:
    with shop.database.view(shop.scope) as unit:
        return CatalogStore(unit).versions(key)


def test_a_version_comes_back_as_it_was_published(shop: Shop) -> None:
    """With its charges, grants and needs, under the next number."""
    first = _publish(shop)
    second = _publish(
        shop, name="Club!", rank=-1, charges=[fee("Membership", "6.00")], grants=[Granted("deliveries", None)]
    )

    assert (first.number, second.number) == (1, 2)
    assert _versions(shop) == [first, second]
    with shop.database.view(shop.scope) as unit:
        store = CatalogStore(unit)
        assert store.latest("club") == store.current()["club"] == second
        assert store.by_ids([second.id, first.id, "pv_none"]) == {first.id: first, second.id: second}
        assert list(store.current()) == ["club", "starter", "tasting_box", "plus", "pro"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"key": " "}, "key of 1 to 200"),
        ({"key": "x" * 201}, "key of 1 to 200"),
        ({"currency": "XXQ"}, "XXQ"),
        ({"interval": "fortnight"}, "day, week, month or year"),
        ({"interval_count": 0}, "one or more intervals"),
        ({"interval_count": -1}, "one or more intervals"),
        ({"kind": PlanKind.ADDON, "key": "plus"}, "'plus' is already an? plan"),
        ({"charges": [fee("A", "1"), fee("B", "2")]}, "two charges called 'fee'"),
        ({"charges": [{**fee("A", "1"), "key": ""}]}, "key"),
        ({"charges": [{**fee("A", "1"), "key": "x" * (MAX_CHARGE_KEY + 1)}]}, "1 to 80 characters"),
        ({"charges": [{"key": "a", "name": "A", "price": {"model": "barter"}}]}, "model is one of"),
        ({"charges": [{**fee("A", "1"), "meter": "parcels"}]}, "meter|usage"),
        ({"grants": [Granted("teleport", value=True)]}, "'teleport', which is not a feature"),
        ({"grants": [Granted("early_access", 3)]}, "true or false"),
        ({"grants": [Granted("early_access", None)]}, "true or false"),
        ({"grants": [Granted("deliveries", value=True)]}, "a whole number"),
        ({"grants": [Granted("deliveries", -1)]}, "whole number from 0"),
        ({"grants": [Granted("deliveries", 1), Granted("deliveries", 2)]}, "granted twice"),
    ],
)
def test_what_cannot_be_sold_is_refused_in_words(
    sqlite_database: Database, changed: dict[str, Any], words: str
) -> None:
    """And nothing of it is kept: the next version that can be is number one."""
    shop = open_shop(sqlite_database)

    with pytest.raises(UptierError, match=words):
        _publish(shop, **changed)

    assert _publish(shop).number == 1


def test_a_charge_needs_its_meter_first(shop: Shop) -> None:
    """The error says which meter is missing; once it is there the plan can be published."""
    usage = {
        "key": "parcels",
        "name": "Parcels",
        "meter": "parcels",
        "price": {"model": "per_unit", "unit_price": "0.10"},
    }
    with pytest.raises(InvalidError) as refused:
        _publish(shop, charges=[usage])
    assert refused.value.facts == {"plan": "club", "meter": "parcels"}

    with shop.database.unit(shop.scope) as unit:
        meter = Meter(key="parcels", name="Parcels", event_type="parcel", aggregation=Aggregation.COUNT)
        CatalogStore(unit).put_meter(meter)

    assert _publish(shop, charges=[usage]).number == 1


def test_the_longest_key_can_be_published_and_billed(shop: Shop) -> None:
    """Keys that are made of it stay within their columns on every engine."""
    key = "p" * 200
    long = {**fee("Membership", "5.00"), "key": "c" * MAX_CHARGE_KEY}

    _publish(shop, key=key, charges=[long])
    with shop.database.unit(shop.scope) as unit:
        subscribe(unit, "ann", key, now=START)
    run_billing(shop.database, shop.scope, now=START + timedelta(days=40))

    with shop.database.view(shop.scope) as unit:
        assert [invoice.total.text for invoice in InvoiceStore(unit).page(limit=9).items] == ["5.00", "5.00"]


def test_a_subscription_keeps_the_version_it_bought(shop: Shop) -> None:
    """A dearer version with other rights is for those who come later."""
    first = _publish(shop)
    with shop.database.unit(shop.scope) as unit:
        ann = subscribe(unit, "ann", "club", now=START)
    second = _publish(shop, charges=[fee("Membership", "50.00")], grants=[Granted("early_access", value=False)])
    with shop.database.unit(shop.scope) as unit:
        bob = subscribe(unit, "bob", "club", now=START)

    run_billing(shop.database, shop.scope, now=START)

    assert (ann.version_id, bob.version_id) == (first.id, second.id)
    with shop.database.view(shop.scope) as unit:
        totals = {invoice.customer_id: invoice.total.text for invoice in InvoiceStore(unit).page(limit=9).items}
        asked = [Question(customer, "early_access") for customer in ("ann", "bob")]
        rights = [answer.allowed for answer in check(unit, asked, now=START)]
        assert SubscriptionStore(unit).get(ann.id).version_id == first.id
    assert totals == {ann.customer_id: "5.00", bob.customer_id: "50.00"}
    assert rights == [True, False]


def test_threads_that_publish_at_once_never_share_a_number(shop: Shop) -> None:
    """Each gets the next number or is told of a conflict."""
    answers = together(4, lambda number: _publish(shop, rank=number))

    published = [answer for answer in answers if isinstance(answer, PlanVersion)]
    assert published
    assert all(isinstance(answer, PlanVersion | ConflictError) for answer in answers), answers
    assert [version.number for version in _versions(shop)] == list(range(1, len(published) + 1))


def test_what_is_not_there_is_named(shop: Shop) -> None:
    """A plan, a meter and a feature, each with its own error."""
    with shop.database.view(shop.scope) as unit:
        store = CatalogStore(unit)
        with pytest.raises(PlanNotFoundError, match="'gold'"):
            store.latest("gold")
        with pytest.raises(MeterNotFoundError, match="'gold'"):
            store.meter("gold")
        with pytest.raises(FeatureNotFoundError, match="'gold'"):
            store.feature("gold")


def test_meters_and_features_are_replaced_by_key(shop: Shop) -> None:
    """The last one of a key is the one there is."""
    meter = Meter(key="deliveries", name="Parcels", event_type="parcel", aggregation=Aggregation.SUM, prop="kg")
    feature = Feature(key="tastings", name="Tastings", kind=FeatureKind.LIMIT, meter_key="deliveries")
    with shop.database.unit(shop.scope) as unit:
        CatalogStore(unit).put_meter(meter)
        CatalogStore(unit).put_feature(feature)

    with shop.database.view(shop.scope) as unit:
        store = CatalogStore(unit)
        assert (store.meter("deliveries"), store.feature("tastings")) == (meter, feature)
        assert list(store.meters()) == ["deliveries"]


def test_a_limit_names_its_meter() -> None:
    """It would count nothing otherwise."""
    with pytest.raises(InvalidError, match="meter"):
        Feature(key="a", name="A", kind=FeatureKind.LIMIT)
