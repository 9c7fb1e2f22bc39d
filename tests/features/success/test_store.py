"""Success added up by the database: the same sums as by hand, customer by customer, on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.bundles.bundle import BundleQuote, PartKind, QuotedPart
from billing.bundles.store import BundleQuoteStore
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import StateChange, Status, Subscription
from features.contact.consent import Suppression
from features.contact.store import ContactStore
from features.decisions.decision import Decision, reserve
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.experiments.exposures_store import Exposed, ExposureStore
from features.feedback.feedback import Feedback
from features.feedback.store import FeedbackStore
from features.success.added import HELD_OUT, OFFERED, PROGRAMME, Added, Asked
from features.success.measures import BY_KEY, MEASURES
from features.success.store import SuccessStore
from tests.features.experiments.outcomes import DAYS, RUN, Outcomes, fill
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Database, Unit

_PART = QuotedPart(
    key="tea",
    kind=PartKind.PRODUCT,
    name="Tea",
    quantity=1,
    list_price=Money(500, "EUR"),
    price=Money(450, "EUR"),
    tax_class="",
    tax_inclusive=False,
    version_id="",
    service=None,
    bought_before=0,
)
UNTIL = START + timedelta(days=DAYS - 3, hours=5)
SINCE = START + timedelta(days=4)


def _mine(made: Outcomes, facts: Any, key: str, window_days: int | None) -> list[dict[str, Any]]:
    at = made.exposed[key].at
    end = UNTIL if window_days is None else min(UNTIL, at + timedelta(days=window_days))
    return [values for when, values in facts.get(key, []) if at <= when < end]


def _met(made: Outcomes) -> list[str]:
    return [key for key, exposed in made.exposed.items() if SINCE <= exposed.at < UNTIL]


@pytest.mark.parametrize("window_days", [None, 9])
def test_sums_are_those_of_a_recomputation_customer_by_customer(database: Database, window_days: int | None) -> None:
    """Money, orders and contacts, over all and by what customers had when they met the experiment."""
    shop = open_shop(database, customers=())
    with database.unit(shop.scope) as unit:
        made = fill(unit, seed=11)
    asked = Asked(
        since=SINCE, until=UNTIL, currency="EUR", experiment=RUN, window_days=window_days, tickets=("lesson", "none")
    )
    wanted = [BY_KEY[key] for key in ("revenue", "refunds", "average_order_value", "support_contacts")]

    with database.view(shop.scope) as unit:
        store = SuccessStore(unit)
        for by in (None, "plan", "segment", "cohort"):
            found = {(each.measure, each.arm, each.group): each for each in store.added(asked, wanted, by)}
            assert found == _by_hand(made, by, window_days), by


def _by_hand(made: Outcomes, by: str | None, window_days: int | None) -> dict[tuple[str, str, str], Added]:
    rows: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
    for key in _met(made):
        exposed = made.exposed[key]
        level = {None: "", "cohort": f"{START:%Y-%m}", "plan": exposed.plan, "segment": exposed.segment}[by] or ""
        books = _mine(made, made.books, key, window_days)
        orders = _mine(made, made.orders, key, window_days)
        used = _mine(made, made.events, key, window_days)
        values = {
            "revenue": (sum(each["revenue"] for each in books), 1),
            "refunds": (int(any(each["refunds"] for each in books)), 1),
            "average_order_value": (sum(each["spend"] for each in orders), len({each["basket"] for each in orders})),
            "support_contacts": (int(bool(used)), 1),
        }
        for name, pair in values.items():
            rows.setdefault((name, exposed.arm, level), []).append(pair)
    return {
        (name, arm, level): Added(
            measure=name,
            arm=arm,
            group=level,
            n=len(pairs),
            y=float(sum(y for y, _ in pairs)),
            x=float(sum(x for _, x in pairs)),
            yy=float(sum(y * y for y, _ in pairs)),
            xx=float(sum(x * x for _, x in pairs)),
            xy=float(sum(x * y for y, x in pairs)),
        )
        for (name, arm, level), pairs in rows.items()
    }


def test_what_each_customer_brought_is_what_the_books_say(database: Database) -> None:
    """After the exposure, before it, and nothing of another currency or beyond the end."""
    shop = open_shop(database, customers=())
    with database.unit(shop.scope) as unit:
        made = fill(unit, seed=12)
    asked = Asked(since=SINCE, until=UNTIL, currency="EUR", experiment=RUN)

    with database.view(shop.scope) as unit:
        found = sorted((each.arm, each.sold - each.lost, each.before) for each in SuccessStore(unit).earned(asked))
        arms = SuccessStore(unit).exposed(asked)

    wanted = []
    for key in _met(made):
        at, arm = made.exposed[key].at, made.exposed[key].arm
        before = sum(v["revenue"] for when, v in made.books.get(key, []) if at - timedelta(days=56) <= when < at)
        wanted.append((arm, sum(v["revenue"] for v in _mine(made, made.books, key, None)), before))
    assert found == sorted(wanted)
    assert {arm: count for arm, (count, _) in arms.items()} == {
        arm: sum(made.exposed[key].arm == arm for key in _met(made)) for arm in {row[0] for row in wanted}
    }


def test_steps_answers_feedback_bundles_and_unsubscribes_count_once_and_only_afterwards(database: Database) -> None:
    """Ann was offered something and did a bit of everything, some of it before; Bob was held out and left."""
    shop = open_shop(database)
    at = START + timedelta(days=10)
    later, earlier = at + timedelta(days=3), at - timedelta(days=1)
    with database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key(["ann", "bob"])
        for key, arm in (("ann", OFFERED), ("bob", HELD_OUT)):
            _subscribe(unit, ids[key], f"sub_{key}")
            _meet(unit, key, ids[key], arm, at)
        _step(unit, ids["ann"], "sub_ann", "changed", 500, later)
        _step(unit, ids["bob"], "sub_bob", "ended", 0, later)
        _show(unit, ids["ann"], "dec_1", at, {"impression": at, "click": later, "accept": later})
        _show(unit, ids["ann"], "dec_2", at, {"impression": later, "dismiss": later})
        for number, (rating, when) in enumerate(((5, later), (2, later), (1, earlier))):
            FeedbackStore(unit).add(
                Feedback(
                    id=f"f{number}",
                    customer_id=ids["ann"],
                    about_kind="service",
                    about="",
                    rating=rating,
                    high=5,
                    reason="",
                    at=when,
                )
            )
        _buy_bundle(unit, ids["ann"], "bq_1", later)
        _buy_bundle(unit, ids["ann"], "bq_2", later)
        _buy_bundle(unit, ids["bob"], "bq_3", earlier)
        ContactStore(unit).suppress(ids["bob"], "email", "marketing", Suppression.UNSUBSCRIBED, later)

    asked = Asked(since=START, until=START + timedelta(days=60), currency="EUR")
    with database.view(shop.scope) as unit:
        rows = SuccessStore(unit).added(asked, MEASURES)
    found = {(row.measure, row.arm): (row.y, row.x) for row in rows}

    wanted = {
        ("churn", OFFERED): (0, 1),
        ("churn", HELD_OUT): (1, 1),
        ("renewal_rate", HELD_OUT): (0, 1),
        ("downgrades", OFFERED): (1, 1),
        ("impressions", OFFERED): (2, 1),
        ("click_rate", OFFERED): (1, 2),
        ("dismissal_rate", OFFERED): (1, 2),
        ("acceptance_rate", OFFERED): (1, 2),
        ("feedback", OFFERED): (1.25, 2),
        ("bundle_attach_rate", OFFERED): (1, 1),
        ("bundle_attach_rate", HELD_OUT): (0, 1),
        ("unsubscribes", HELD_OUT): (1, 1),
    }
    assert {place: found[place] for place in wanted} == wanted


def _subscribe(unit: Unit, customer_id: str, subscription_id: str) -> None:
    SubscriptionStore(unit).add(
        Subscription(
            id=subscription_id,
            customer_id=customer_id,
            plan_key="starter",
            version_id=CatalogStore(unit).current()["starter"].id,
            currency="EUR",
            cadence=Cadence(START, Interval.MONTH, 1, "UTC"),
            status=Status.ACTIVE,
            started_at=START,
            ends_at=None,
            billed_periods=1,
            revision=0,
            usage_from=START,
        )
    )
    _step(unit, customer_id, subscription_id, "started", 900, START)


def _step(unit: Unit, customer_id: str, subscription_id: str, kind: str, mrr_minor: int, at: datetime) -> None:  # noqa: PLR0917 (a row of facts in the order they are read)
    HistoryStore(unit).record(
        StateChange(
            subscription_id=subscription_id,
            customer_id=customer_id,
            kind=kind,
            plan_key="starter",
            plan_rank=0,
            mrr_minor=mrr_minor,
            at=at,
            received_at=at,
        )
    )


def _meet(unit: Unit, key: str, customer_id: str, arm: str, at: datetime) -> None:
    exposed = Exposed(
        experiment=PROGRAMME,
        unit=key,
        customer_id=customer_id,
        arm=arm,
        at=at,
        counterfactual=arm == HELD_OUT,
        propensity=0.5,
        plan="starter",
        segment="",
    )
    ExposureStore(unit).add([exposed])


def _show(unit: Unit, customer_id: str, decision_id: str, at: datetime, outcomes: dict[str, datetime]) -> None:
    DecisionStore(unit).add(
        Decision(
            id=decision_id,
            customer_id=customer_id,
            placement="home",
            target="plus",
            target_kind="plan",
            quote_id=None,
            message="",
            reason="limit_near",
            trace={},
            decided_at=at,
            expires_at=None,
        )
    )
    ShowingStore(unit).add_many(
        [reserve(decision_id=decision_id, customer_id=customer_id, member=None, target="plus", placement="home", at=at)]
    )
    for kind, when in outcomes.items():
        DecisionStore(unit).record_outcome(decision_id, kind, when)


def _buy_bundle(unit: Unit, customer_id: str, quote_id: str, at: datetime) -> None:
    BundleQuoteStore(unit).add(
        BundleQuote(
            id=quote_id,
            customer_id=customer_id,
            subscription_id=None,
            revision=None,
            parts=(_PART,),
            margin_rule="",
            quoted_at=at,
            expires_at=at + timedelta(hours=1),
            accepted_at=at,
            invoice_id=None,
        )
    )
