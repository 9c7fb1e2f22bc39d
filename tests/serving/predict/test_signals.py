"""What a decision sees of a customer: what is true now, what was kept and still is, and what forbids selling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.db.tables import OutboxRow
from billing.invoices.cycle import bill_subscription
from billing.invoices.store import InvoiceStore
from billing.kernel.clock import FrozenClock
from billing.metering.ingest import ingest
from billing.payments.collection_store import DunningStore
from billing.payments.dunning import Dunning, DunningState
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.change import change_now
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import Status
from features.privacy.profiling import set_profiling
from features.signals.record import NewSignal
from features.signals.setup.store import SetupStore
from features.signals.store import SignalStore
from models.triggers.registry import PERSONAL
from serving.predict.denials import note_denial
from serving.predict.keep_signals import keep_signals
from serving.predict.signals import signals_of
from serving.settings import Settings
from serving.wiring import Services, build
from tests.shop import START, Shop, delivery, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from billing.db.session import Database
    from serving.predict.signals import Seen

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Desk:
    """Ann, on Starter since START: three deliveries a month, no early access."""

    services: Services
    shop: Shop
    subscription: str

    def see(self, now: datetime, *, keep: bool = True, **other: Any) -> Seen:
        """What a decision sees, of a subscription that is `other` than it is; it keeps what is new."""
        with self.services.database.unit(self.shop.scope) as unit:
            ann = CustomerStore(unit).get("ann")
            running = replace(SubscriptionStore(unit).running_of([ann.id])[ann.id], **other)
            seen = signals_of(unit, self.services, ann, running, now=now)
            if keep:
                keep_signals(unit, ann.id, seen.fresh, now=now)
        return seen

    def raised(self, now: datetime) -> list[tuple[str, str | None]]:
        """Trigger and subject of what counts."""
        return sorted((each.trigger, each.subject) for each in self.see(now).signals)

    def deliver(self, count: int, at: datetime, name: str = "d") -> None:
        """Deliveries to Ann."""
        with self.services.database.unit(self.shop.scope) as unit:
            ingest(unit, [delivery("ann", f"{name}{number}", at) for number in range(count)], now=at)

    def refuse(self, feature: str, at: datetime, times: int = 1) -> None:
        """The gate refuses a feature."""
        for _ in range(times):
            note_denial(self.services.counters, self.shop.scope.tenant_id, "ann", feature, now=at)

    def change(self, target: str, at: datetime) -> None:
        """Ann changes by herself, billed up to then."""
        with self.services.database.unit(self.shop.scope) as unit:
            bill_subscription(unit, self.subscription, now=at, grace=timedelta())
            change_now(unit, self.subscription, target, now=at)

    def ann(self) -> str:
        """Her id."""
        with self.services.database.view(self.shop.scope) as unit:
            return CustomerStore(unit).get("ann").id


@pytest.fixture
def desk(sqlite_database: Database, tmp_path: Path) -> Iterator[Desk]:
    """On SQLite; the stores' own tests run on both engines."""
    url = sqlite_database.url.render_as_string(hide_password=False)
    settings = Settings(home=tmp_path / "home", database_url=url, mlflow_uri="off", _env_file=None)
    services = build(settings, clock=FrozenClock(START))
    shop = open_shop(services.database)
    with services.database.unit(shop.scope) as unit:
        subscription = subscribe(unit, "ann", "starter", now=START)
    yield Desk(services, shop, subscription.id)
    services.database.close()


def test_a_limit_counts_from_its_threshold_until_its_period_ends(desk: Desk) -> None:
    """Two of three deliveries are not near; three are, at 100 %; the next month begins anew."""
    desk.deliver(2, START)
    assert desk.raised(START + DAY) == []

    desk.deliver(1, START + DAY, "e")
    (signal,) = desk.see(START + 2 * DAY).signals

    assert (signal.trigger, signal.subject, signal.evidence["threshold"]) == ("limit_share", "deliveries", 100)
    assert desk.see(START + 3 * DAY).fresh == ()
    assert desk.raised(START + 35 * DAY) == []


def test_a_limit_that_was_raised_is_near_no_more_though_the_crossing_was_kept(desk: Desk) -> None:
    """Ann changes to Plus by herself: thirty a month."""
    desk.deliver(3, START)
    assert desk.raised(START + DAY) == [("limit_share", "deliveries")]

    desk.change("plus", START + DAY)

    assert desk.raised(START + DAY + timedelta(hours=1)) == []


def test_refusals_count_within_a_window_that_slides(desk: Desk) -> None:
    """Two on the first day and one six days later are three; a day on, they are one."""
    desk.refuse("early_access", START, 2)
    assert desk.raised(START) == []
    desk.refuse("early_access", START + 6 * DAY)

    assert desk.see(START + 7 * DAY, keep=False).signals == ()
    assert desk.raised(START + 6 * DAY) == [("denied_access", "early_access")]
    assert desk.see(START + 6 * DAY).denials == {"early_access": 3}


def test_refusals_that_go_on_raise_one_signal_a_window_and_none_once_they_have_it(desk: Desk) -> None:
    """Every day refused: raised on the first, silent for seven days, raised again."""
    fresh = []
    for day in range(9):
        desk.refuse("early_access", START + day * DAY, 3)
        fresh.append(len(desk.see(START + day * DAY).fresh))
    assert fresh == [1, 0, 0, 0, 0, 0, 0, 1, 0]

    desk.change("plus", START + 8 * DAY)

    assert desk.raised(START + 8 * DAY + timedelta(hours=1)) == []


def test_each_mark_before_a_trials_end_takes_the_place_of_the_one_before(desk: Desk) -> None:
    """Seven, three and one days, each raised once; after the end nothing is left."""
    trial: dict[str, Any] = {"status": Status.TRIALING, "trial_ends_at": START + 14 * DAY}

    fresh = {day: len(desk.see(START + day * DAY, **trial).fresh) for day in range(6, 15)}
    (signal,) = desk.see(START + 13.5 * DAY, **trial).signals

    assert fresh == {6: 0, 7: 1, 8: 0, 9: 0, 10: 0, 11: 1, 12: 0, 13: 1, 14: 0}
    assert (signal.trigger, signal.evidence["days_left"]) == ("life_cycle", 1)
    assert desk.see(START + 14 * DAY, **trial).signals == ()


def test_an_accepted_offer_answers_what_it_was_about(desk: Desk) -> None:
    """The signal counts no more and is not raised again by the same refusals."""
    desk.refuse("early_access", START, 3)
    assert desk.raised(START) == [("denied_access", "early_access")]
    with desk.services.database.unit(desk.shop.scope) as unit:
        SignalStore(unit).answer(desk.ann(), "denied_access", "early_access", "dec_1", START)

    assert desk.raised(START) == []


def test_a_signal_is_told_outside_once(desk: Desk) -> None:
    """However many decisions see it."""
    desk.refuse("early_access", START, 3)
    for _ in range(3):
        desk.see(START)

    with desk.services.database.view(desk.shop.scope) as unit:
        told = [row.payload for row in unit.session.query(OutboxRow) if row.kind == "signal.raised"]

    assert [(each["trigger"], each["subject"], each["customer"]) for each in told] == [
        ("denied_access", "early_access", desk.ann())
    ]


def test_what_is_owed_what_is_broken_and_leaving_forbid_selling(desk: Desk) -> None:
    """Each for as long as it is so; a subscription set to end raises the signal that something should make her stay."""
    dunning = Dunning(invoice_id=_invoice(desk), customer_id=desk.ann(), state=DunningState.PAST_DUE, past_due_at=START)
    with desk.services.database.unit(desk.shop.scope) as unit:
        DunningStore(unit).save(dunning)
        SetupStore(unit).begin_incident("down", START + 2 * DAY, START)
        cancel_at_period_end(unit, desk.subscription, now=START + DAY)
    seen = desk.see(START + DAY)

    assert sorted(each.kind for each in seen.negatives) == ["cancelling", "incident", "payment_failed"]
    assert [(each.trigger, each.subject) for each in seen.signals] == [("cancel_started", "starter")]

    with desk.services.database.unit(desk.shop.scope) as unit:
        DunningStore(unit).save(dunning.settled())
    assert [each.kind for each in desk.see(START + 2 * DAY).negatives] == ["cancelling"]


def test_what_was_watched_is_not_looked_at_once_they_opted_out(desk: Desk) -> None:
    """An intent goes, a wall they ran into stays; and nothing comes back when they opt in again."""
    lasting = {"at": START, "expires_at": START + DAY, "rearms_at": START + DAY}
    intent = NewSignal(customer_id=desk.ann(), trigger="intent", once_key="x", subject=None, strength=0.5, **lasting)
    with desk.services.database.unit(desk.shop.scope) as unit:
        SignalStore(unit).add([intent], START)
    desk.refuse("early_access", START, 3)
    assert [trigger for trigger, _ in desk.raised(START)] == ["denied_access", "intent"]

    for allowed in (False, True):
        with desk.services.database.unit(desk.shop.scope) as unit:
            set_profiling(unit, "ann", allowed=allowed, watched=PERSONAL, now=START)
        assert [trigger for trigger, _ in desk.raised(START)] == ["denied_access"]


def _invoice(desk: Desk) -> str:
    with desk.services.database.unit(desk.shop.scope) as unit:
        bill_subscription(unit, desk.subscription, now=START, grace=timedelta())
        return InvoiceStore(unit).page(limit=1).items[0].id
