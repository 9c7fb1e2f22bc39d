"""Erasing reaches every table, leaves the books standing, and is refused while anything is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select, update

from billing.customers.customer import CustomerNotFoundError
from billing.customers.store import CustomerStore
from billing.db.base import Base
from billing.db.replay import Answer, recall, remember
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.tables import InvoiceRow
from billing.metering.event import UsageEvent
from billing.metering.store import EventStore
from billing.payments.attempt import Method
from billing.payments.collection_store import MethodStore
from billing.payments.provider import EventKind, ProviderEvent
from billing.payments.store import ProviderEventStore
from billing.payments.tables import ProviderEventRow
from billing.purchases.store import PurchaseStore
from billing.subscriptions.cancel import PAYMENT, cancel_now
from billing.subscriptions.subscribe import subscribe
from billing.tastes.store import TasteStore
from billing.tastes.taste import Kind, Preference
from features.boxes.chosen.box import LIKED, Box, Content, Did
from features.boxes.chosen.store import ActStore, BoxStore
from features.bulk import tables_before
from features.contact.consent import Suppression
from features.contact.mailing import Letter, Mailing
from features.contact.mailing_store import MailingStore
from features.contact.store import ContactStore
from features.decisions.decision import Decision, reserve
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.erased.store import ErasureStore, customer_hash
from features.experiments.exposures_store import Exposed, ExposureStore
from features.feedback.feedback import Feedback
from features.feedback.store import AskStore, FeedbackStore
from features.online import features_of
from features.privacy.erase import CustomerInUseError, erase_customer
from features.privacy.holdings import HOLDINGS, Treatment
from features.scores.store import Score, ScoreStore
from features.segments.standing.store import StandingStore
from features.segments.store import Segment, SegmentStore
from features.served.keep import keep_served
from features.served.store import ServedStore
from features.signals.record import NewSignal
from features.signals.restraints.restraint import TICKET_OPEN, Change
from features.signals.restraints.store import RestraintStore
from features.signals.store import SignalStore
from features.view import Source
from features.watch.store import Promise, WatchStore
from tests.shop import START, Shop, open_shop
from training.history import load_history

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database, Unit

NOW = START + timedelta(days=60)
NAMED = ("Ann Other", "ann@example.org", "Birch Lane 9")


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop of which Ann and Bob know the same, on each engine."""
    shop = open_shop(database)
    with database.unit(shop.scope) as unit:
        for key in ("ann", "bob"):
            fill(unit, key)
    return shop


def fill(unit: Unit, key: str) -> None:
    """Something of everything that is held of a customer."""
    store = CustomerStore(unit)
    customer = store.get(key)
    if key == "ann":
        store.update(replace(customer, name=NAMED[0], email=NAMED[1], address={"line1": NAMED[2]}))
    _buy(unit, customer.id, key)
    events = [UsageEvent(id=f"e-{key}", source="t", type="delivery", customer=key, at=START, data={"note": key})]
    EventStore(unit).insert(events, {key: customer.id}, None)
    ScoreStore(unit).replace(f"churn-{key}", [_score(customer.id)])
    WatchStore(unit).keep(f"churn-{key}", [_promise(customer.id)])
    segments = SegmentStore(unit)
    known = {**segments.members(), customer.id: "c1"}
    segments.replace([Segment(key="c1", name="All", version="v1", as_of=START, profile={})], known)
    StandingStore(unit).replace(f"rule:{key}", {customer.id: "in"}, START)
    DecisionStore(unit).add(_decision(f"dec_{key}", customer.id))
    DecisionStore(unit).record_outcome(f"dec_{key}", "click", START)
    place = reserve(
        decision_id=f"dec_{key}", customer_id=customer.id, member=None, target="plus", placement="x", at=START
    )
    ShowingStore(unit).add_many([place])
    ExposureStore(unit).add(
        [
            Exposed(
                experiment="programme",
                unit=key,
                customer_id=customer.id,
                arm="offered",
                at=START,
                counterfactual=False,
                propensity=1.0,
            )
        ]
    )
    _say(unit, customer.id, key)
    _write_to(unit, customer.id, key)
    _send_box(unit, customer.id)
    keep_served(unit, "profile", customer.id, features_of(unit, customer.id, now=START), now=START)
    MethodStore(unit).add(_method(customer.id, key))
    TasteStore(unit).put_preferences(customer.id, [Preference(kind=next(iter(Kind)), key="diet", value="vegan")], START)
    remember(unit, f"key-{key}", "f", Answer(200, {"customer": key, "email": "x"}), START)
    remember(unit, f"word-{key}", "f", Answer(200, {"item": "ann", "note": '"customer": bob'}), START)
    told = ProviderEvent(
        id=f"evt_{key}", kind=next(iter(EventKind)), name="charge", document={"customer": f"acc-{key}"}
    )
    ProviderEventStore(unit).add_new("sandbox", told, outcome="kept", now=START)


def _say(unit: Unit, customer_id: str, key: str) -> None:
    """A signal, a ticket, and what they think of us."""
    lasting: dict[str, Any] = {"at": START, "expires_at": NOW, "rearms_at": NOW}
    values: dict[str, Any] = {"trigger": "intent", "once_key": "pricing", "subject": None, "strength": 0.5}
    SignalStore(unit).add([NewSignal(customer_id=customer_id, **values, **lasting)], START)
    ticket = Change(customer_id=customer_id, kind=TICKET_OPEN, reference="7", at=START, begins=True)
    RestraintStore(unit).apply([ticket])
    about: dict[str, Any] = {"about_kind": "service", "about": "", "rating": 4, "high": 5, "reason": f"by {key}"}
    FeedbackStore(unit).add(Feedback(id=f"fbk_{key}", customer_id=customer_id, at=START, **about))
    AskStore(unit).take_turn(customer_id, START)


def _write_to(unit: Unit, customer_id: str, key: str) -> None:
    """A mailing, and that they wanted to hear no more."""
    ContactStore(unit).suppress(customer_id, "email", None, Suppression.UNSUBSCRIBED, START)
    store, letter = MailingStore(unit), Letter(subject="March")
    mailing = f"mlg_{key}"
    store.add(Mailing(id=mailing, segment="c1", purpose="marketing", letter=letter, excluded={}, created_at=START))
    store.add_recipients(mailing, [customer_id], START)


def _send_box(unit: Unit, customer_id: str) -> None:
    """A box, and what they thought of it."""
    values: dict[str, Any] = {
        "plan_key": "starter",
        "slots": 1,
        "price_minor": 900,
        "budget_minor": 600,
        "short_why": "",
    }
    box = Box(period="p1", customer_id=customer_id, contents=(Content("tea", "liked", "x"),), chosen_at=START, **values)
    BoxStore(unit).add_many([box])
    ActStore(unit).put(Did(customer_id=customer_id, period="p1", item="tea", act=LIKED, at=START))


def _buy(unit: Unit, customer_id: str, key: str) -> None:
    line = {"key": f"l-{key}", "customer_id": customer_id, "item": "tea", "basket": f"b-{key}", "at": START}
    PurchaseStore(unit).insert([{**line, "received_at": START, "quantity": 1, "amount_minor": 500, "currency": "EUR"}])


def _score(customer_id: str) -> Score:
    return Score(customer_id=customer_id, version="v1", as_of=START, value=0.5, document={})


def _promise(customer_id: str) -> Promise:
    return Promise(
        customer_id=customer_id, version="v1", as_of=START, value=0.5, horizon_days=30, matures_at=NOW, outcome=None
    )


def _decision(decision_id: str, customer_id: str) -> Decision:
    values: dict[str, Any] = {"target": None, "target_kind": None, "quote_id": None, "message": "", "reason": "none"}
    return Decision(
        id=decision_id,
        customer_id=customer_id,
        placement="home",
        trace={},
        decided_at=START,
        expires_at=None,
        **values,
    )


def _method(customer_id: str, key: str) -> Method:
    return Method(
        id=f"pm_{key}",
        customer_id=customer_id,
        provider="sandbox",
        token=f"tok-{key}",
        account=f"acc-{key}",
        label="Visa 4242",
        is_default=True,
        added_at=START,
        removed_at=None,
    )


MAPPED = {str(mapper.local_table.description): mapper.class_ for mapper in Base.registry.mappers}


def _rows(shop: Shop, table: str, customer_id: str) -> list[dict[str, Any]]:
    row = MAPPED[table]
    with shop.database.view(shop.scope) as unit:
        mine = (row.id if table == "customers" else row.customer_id) == customer_id
        return [_values(found) for found in unit.session.scalars(select(row).where(mine))]


def _values(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__mapper__.column_attrs}


def _ids(shop: Shop) -> dict[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).ids_by_key(["ann", "bob"])


def _erase(shop: Shop, key: str = "ann", now: datetime = NOW) -> None:
    with shop.database.unit(shop.scope) as unit:
        erase_customer(unit, key, now=now)


def test_every_table_that_is_to_be_emptied_is_and_nobody_else_loses_anything(shop: Shop) -> None:
    """Walks the whole list: Ann's rows are gone or blank, Bob's are as they were."""
    ids = _ids(shop)
    touched = {table: holding for table, holding in HOLDINGS.items() if holding.forget is not None}
    before = {table: _rows(shop, table, ids["bob"]) for table in touched}
    assert all(_rows(shop, table, ids["ann"]) for table in touched), "the fixture fills every table"

    _erase(shop)

    for table, holding in touched.items():
        rows = _rows(shop, table, ids["ann"])
        assert bool(rows) == (holding.treatment is Treatment.BLANKED), table
        assert not any(word in str(rows) for word in ("tok-ann", "acc-ann", "4242"))
        assert _rows(shop, table, ids["bob"]) == before[table], table
    with shop.database.view(shop.scope) as unit:
        assert recall(unit, "key-ann", "f") is None
        assert all(recall(unit, key, "f") is not None for key in ("key-bob", "word-ann", "word-bob"))
        messages = {row.id: row.document for row in unit.session.scalars(select(ProviderEventRow))}
    assert messages == {"evt_ann": {}, "evt_bob": {"customer": "acc-bob"}}


def test_no_name_is_left_in_any_table(shop: Shop) -> None:
    """Every text of every row of the database is searched for what named Ann."""
    _erase(shop)

    with shop.database.view(shop.scope) as unit:
        for table, row in MAPPED.items():
            told = str([_values(found) for found in unit.session.scalars(select(row))])
            assert not any(word in told for word in NAMED), table


def test_features_training_and_the_next_snapshot_leave_the_customer_out(shop: Shop) -> None:
    """Even rows that come late under the old id are not read: neither in bulk nor for one."""
    ids = _ids(shop)
    _erase(shop)
    with shop.database.unit(shop.scope) as unit:
        _buy(unit, ids["ann"], "ann")

    with shop.database.view(shop.scope) as unit:
        tables = tables_before(unit, NOW)
        customers = load_history(unit, NOW).customers_before(2**62).tolist()
        values = features_of(unit, ids["ann"], now=NOW)
        erased = ErasureStore(unit)
        assert erased.ids() == {ids["ann"]}
        assert erased.hashes() == {customer_hash(shop.opened.tenant.id, ids["ann"])}
    assert all(ids["ann"] not in table.column("customer").to_pylist() for table in tables.values())
    assert customers == [ids["bob"]]
    assert values["orders_365d"] == 0


def test_the_key_is_free_again_and_the_id_still_answers_what_was_done(shop: Shop) -> None:
    """Who comes back is a new customer; asking to erase again by id tells the first erasure."""
    ids = _ids(shop)
    _erase(shop)

    with shop.database.unit(shop.scope) as unit:
        with pytest.raises(CustomerNotFoundError):
            CustomerStore(unit).get("ann")
        fresh = CustomerStore(unit).ensure(["ann"], NOW)["ann"]
        again = erase_customer(unit, ids["ann"], now=NOW + timedelta(days=1))

    assert fresh != ids["ann"]
    assert again.erased_at == NOW
    assert again.done["removed"]["purchases"] == 1


def test_a_running_subscription_and_its_open_invoice_stand_in_the_way_and_the_paid_one_stays(shop: Shop) -> None:
    """First it is ended, then what is owed is settled; the issued invoice keeps its number and its parties."""
    ids = _ids(shop)
    with shop.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
    run_billing(shop.database, shop.scope, now=START, grace=timedelta(days=1))
    with pytest.raises(CustomerInUseError, match=r"subscription .*; end it first"):
        _erase(shop)
    with shop.database.unit(shop.scope) as unit:
        cancel_now(unit, subscription.id, now=START + timedelta(days=1), reason=PAYMENT)
    run_billing(shop.database, shop.scope, now=NOW, grace=timedelta(days=1))
    with pytest.raises(CustomerInUseError, match="invoice"):
        _erase(shop)
    _settle(shop, ids["ann"])

    _erase(shop)

    with shop.database.view(shop.scope) as unit:
        kept = InvoiceStore(unit).page(limit=10, customer_id=ids["ann"]).items
        assert any(invoice.number for invoice in kept)
    assert len(_rows(shop, "events", ids["ann"])) == 1  # what was billed for is evidence
    with shop.database.view(shop.scope) as unit:
        assert tables_before(unit, NOW)[Source.USAGE].num_rows == 1  # Bob's; the evidence is no feature


def _settle(shop: Shop, customer_id: str) -> None:
    """Mark everything as paid, as a payment by hand would."""
    with shop.database.unit(shop.scope) as unit:
        mine = update(InvoiceRow).where(InvoiceRow.customer_id == customer_id)
        unit.session.execute(mine.where(InvoiceRow.number.is_not(None)).values(status="paid"))
        unit.session.execute(mine.where(InvoiceRow.number.is_(None)).values(status="void"))


def test_scores_and_segments_that_were_on_their_way_leave_the_customer_out(shop: Shop) -> None:
    """A training run that had read Ann before she was erased writes afterwards."""
    ids = _ids(shop)
    _erase(shop)

    with shop.database.unit(shop.scope) as unit:
        ScoreStore(unit).replace("late", [_score(ids["ann"]), _score(ids["bob"])])
        WatchStore(unit).keep("late", [_promise(ids["ann"]), _promise(ids["bob"])])
        SegmentStore(unit).replace(SegmentStore(unit).all(), {ids["ann"]: "c1", ids["bob"]: "c1"})

    with shop.database.view(shop.scope) as unit:
        assert WatchStore(unit).bound("late", START) == {ids["bob"]}
        assert set(ScoreStore(unit).of_task("late")) == {ids["bob"]}
        assert SegmentStore(unit).members() == {ids["bob"]: "c1"}


def test_served_vectors_of_others_are_kept(shop: Shop) -> None:
    """Only Ann's are gone."""
    _erase(shop)

    with shop.database.view(shop.scope) as unit:
        left = ServedStore(unit).read(ServedStore(unit).ids_since(START))

    assert [served.customer_id for served in left] == [_ids(shop)["bob"]]
