"""Random lives: whatever is done to a subscription in whatever order, the books stay whole.

After each step: postings sum to zero; an invoice's lines sum to its totals; what is paid, credited and due is what was billed; usage
periods tile; billing again changes nothing; monthly revenue is what the subscription would cost a month.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from datetime import timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.invoices.credit_notes.issue import CreditRequest
from billing.invoices.credit_notes.note import Destination
from billing.invoices.cycle import run_billing
from billing.invoices.deferred.store import DeferredStore
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.errors import UptierError
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.metering.ingest import ingest
from billing.payments.credit import credit_invoice, give_up_invoice, void_invoice
from billing.payments.record import record_payment
from billing.pricing.ratecard import meter_of
from billing.revenue.recognise import recognise
from billing.subscriptions.cancel import cancel_at_period_end, cancel_now, uncancel
from billing.subscriptions.change import When, change, preview_at, remove_addon
from billing.subscriptions.fees import monthly_minor
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.pause import pause_at_period_end, pause_now, resume
from billing.subscriptions.rezone import rezone
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import Options, subscribe
from billing.subscriptions.subscription import Status
from billing.subscriptions.turn import in_trial
from tests.shop import START, delivery, fee, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.subscriptions.subscription import Subscription

WHEN = st.sampled_from([When.NOW, When.PERIOD_END, When.AUTO])
PLANS = st.sampled_from(["starter", "plus", "pro", "team", "reset", "yearly"])


@cache
def _template() -> Path:
    """A migrated file to copy for each walk."""
    file = Path(mkdtemp()) / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


class Life(RuleBasedStateMachine):
    """One customer of one shop, at a clock that only goes on."""

    @initialize(trial=st.integers(0, 40), plan=PLANS)
    def begin(self, trial: int, plan: str) -> None:
        """A fresh shop, and a first subscription."""
        self.folder = TemporaryDirectory()
        file = shutil.copyfile(_template(), Path(self.folder.name) / "walk.db")
        self.database = Database(f"sqlite:///{file}")
        self.shop, self.now, self.events = open_shop(self.database), START, 0
        with self.database.unit(self.shop.scope) as unit:
            for key, interval, amount, terms in (
                ("team", "month", "12.34", {"quantity": "seats", "max_seats": 9}),
                ("reset", "month", "29.99", {"proration": "full_reset"}),
                ("yearly", "year", "199.00", {}),
            ):
                draft = Draft(
                    key=key,
                    name=key,
                    kind=PlanKind.PLAN,
                    rank=3,
                    currency="EUR",
                    interval=interval,
                    charges=[fee(key, amount)],
                    grants=[],
                    terms=terms,
                )
                publish(unit, draft, read_charge=meter_of, now=START)
            self.id = subscribe(unit, "ann", plan, now=START, options=Options(trial_days=trial)).id
        self._bill()

    @rule(hours=st.integers(1, 24 * 45))
    def wait(self, hours: int) -> None:
        """Time goes on."""
        self.now += timedelta(hours=hours)
        self._bill()

    @rule(plan=PLANS, when=WHEN, seats=st.sampled_from([None, 1, 2, 5]))
    def change(self, plan: str, when: When, seats: int | None) -> None:
        """Another plan or other seats; what was previewed is what is said to be billed."""
        try:
            with self.database.view(self.shop.scope) as unit:
                found = SubscriptionStore(unit).get(self.id)
                _, shown = preview_at(unit, found, plan, now=self.now, when=when, seats=seats)
        except UptierError:
            shown = None
        self._bill()
        try:
            with self.database.unit(self.shop.scope) as unit:
                done = change(unit, self.id, plan, now=self.now, when=when, seats=seats)
        except UptierError:
            return
        self._bill()
        if shown is not None and done.lines:
            assert done.total == shown.total

    @rule(when=WHEN, take=st.booleans())
    def addon(self, when: When, take: bool) -> None:  # noqa: FBT001 (a drawn value)
        """The tasting box comes or goes."""
        if take:
            self._try(change, "tasting_box", when=when)
        else:
            self._try(remove_addon, "tasting_box", when=when)

    @rule(credit=st.booleans(), now=st.booleans(), days=st.sampled_from([None, 40, 90]))
    def pause(self, credit: bool, now: bool, days: int | None) -> None:  # noqa: FBT001 (drawn values)
        """A pause of either kind."""
        back = None if days is None else self.now + timedelta(days=days)
        if now:
            self._try(pause_now, credit=credit, resume_at=back)
        else:
            self._try(pause_at_period_end, resume_at=back)

    @rule(days=st.sampled_from([None, 3]))
    def resume(self, days: int | None) -> None:
        """Its end."""
        self._try(resume, at=None if days is None else self.now + timedelta(days=days))

    @rule(how=st.sampled_from(["end", "credit", "now", "back", "back"]))
    def cancel(self, how: str) -> None:
        """The end, or not."""
        if how == "end":
            self._try(cancel_at_period_end)
        elif how == "back":
            self._try(uncancel)
        else:
            self._try(cancel_now, credit=how == "credit")

    @rule(zone=st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York"]))
    def move(self, zone: str) -> None:
        """The customer moves."""
        with self.database.unit(self.shop.scope) as unit:
            rezone(unit, "ann", zone, now=self.now)
        self._bill()

    @rule(many=st.integers(1, 8))
    def use(self, many: int) -> None:
        """Some deliveries."""
        self.events += many
        given = [delivery("ann", f"e{self.events}-{number}", self.now) for number in range(many)]
        with self.database.unit(self.shop.scope) as unit:
            ingest(unit, given, now=self.now)

    @precondition(lambda self: self._open())
    @rule()
    def pay(self) -> None:
        """The oldest open invoice is paid."""
        with self.database.unit(self.shop.scope) as unit:
            invoice = self._open()[0].id
            record_payment(unit, invoice, reference=f"cash-{invoice}", now=self.now)

    @precondition(lambda self: self._open())
    @rule(which=st.integers(0, 9), cents=st.integers(1, 1_500))
    def pay_a_part(self, which: int, cents: int) -> None:
        """Some of an open invoice is paid, at most what is due."""
        invoice = self._open()[which % len(self._open())]
        self.events += 1
        amount = min(Money(cents, "EUR"), invoice.amount_due)
        with self.database.unit(self.shop.scope) as unit:
            record_payment(unit, invoice.id, reference=f"part-{self.events}", now=self.now, amount=amount)

    @precondition(lambda self: self._invoices())
    @rule(which=st.integers(0, 30), share=st.integers(1, 4), back=st.booleans())
    def credit(self, which: int, share: int, back: bool) -> None:  # noqa: FBT001 (a drawn value)
        """A part of some invoice is taken back, or all that is left of it."""
        invoice = self._invoices()[which % len(self._invoices())]
        amount = None if share == 1 else max(Money(invoice.total.amount_minor // share, "EUR"), Money(1, "EUR"))
        request = CreditRequest(amount=amount, destination=Destination.REFUND if back else Destination.BALANCE)
        self._on(credit_invoice, invoice.id, request)

    @precondition(lambda self: self._invoices())
    @rule(which=st.integers(0, 30), how=st.sampled_from([void_invoice, give_up_invoice]))
    def forgive(self, which: int, how: Callable[..., object]) -> None:
        """Some invoice is voided or given up, where it can be."""
        self._on(how, self._invoices()[which % len(self._invoices())].id)

    @precondition(lambda self: self._found().status is Status.ENDED)
    @rule(plan=PLANS)
    def again(self, plan: str) -> None:
        """A customer who left comes back."""
        with self.database.unit(self.shop.scope) as unit:
            self.id = subscribe(unit, "ann", plan, now=self.now).id
        self._bill()

    @invariant()
    def the_books_are_whole(self) -> None:
        """Money is where it should be."""
        with self.database.view(self.shop.scope) as unit:
            balances = LedgerStore(unit).balances()
        assert all(balances.net(currency).amount_minor == 0 for currency in balances.currencies())
        for invoice in self._invoices():
            assert sum(line.amount.amount_minor for line in invoice.lines) == invoice.net.amount_minor
            counts = invoice.number is not None and invoice.status is not InvoiceStatus.VOID
            if counts and invoice.total.amount_minor > 0:
                settled = invoice.paid + invoice.credited + invoice.credit + invoice.prepaid + invoice.amount_due
                assert settled == invoice.total

    @invariant()
    def what_is_owed_is_in_the_books(self) -> None:
        """Receivables are what open invoices ask for, bad debts what was given up, and deferred is what is still to be earned."""
        recognise(self.database, self.shop.scope, until=self.now)
        with self.database.view(self.shop.scope) as unit:
            balances, deferred = LedgerStore(unit).balances(), DeferredStore(unit).deferred()
        due = sum((invoice.amount_due.amount_minor for invoice in self._open()), 0)
        lost = [each for each in self._invoices() if each.status is InvoiceStatus.UNCOLLECTIBLE]
        assert balances.natural(Account.RECEIVABLE, "EUR").amount_minor == due
        assert balances.natural(Account.BAD_DEBT, "EUR").amount_minor == sum(
            each.amount_due.amount_minor for each in lost
        )
        assert balances.natural(Account.DEFERRED_REVENUE, "EUR").amount_minor == deferred.get("EUR", 0)
        assert balances.natural(Account.CUSTOMER_CREDIT, "EUR").amount_minor >= 0
        assert balances.natural(Account.CASH, "EUR").amount_minor >= 0

    @invariant()
    def usage_periods_tile(self) -> None:
        """No usage is billed twice and none is left out while it runs."""
        periods = sorted(
            (invoice.period.start, invoice.period.end)
            for invoice in self._invoices()
            if invoice.subscription_id == self.id and invoice.period is not None
        )
        assert all(before[1] <= after[0] for before, after in pairwise(periods))
        keys = [line.key for invoice in self._invoices() for line in invoice.lines]
        assert len(keys) == len(set(keys))

    @invariant()
    def billing_again_changes_nothing(self) -> None:
        """A second run finds nothing due."""
        report = run_billing(self.database, self.shop.scope, now=self.now)
        assert (report.taken, report.drafted, report.issued, report.failed) == (0, 0, 0, [])

    @invariant()
    def monthly_revenue_is_what_runs(self) -> None:
        """The last movement left the value that the subscription has."""
        found = self._found()
        with self.database.view(self.shop.scope) as unit:
            versions = CatalogStore(unit).by_ids(found.version_ids)
            told = sum(HistoryStore(unit).mrr().values())
        pays = found.status in {Status.ACTIVE, Status.CANCELLING} and not in_trial(found, self.now)
        assert told == (monthly_minor(found, versions) if pays else 0)

    def teardown(self) -> None:
        """Close the shop."""
        self.database.close()
        self.folder.cleanup()

    def _try(self, use: Callable[..., object], *given: object, **named: object) -> None:
        self._bill()
        try:
            with self.database.unit(self.shop.scope) as unit:
                use(unit, self.id, *given, now=self.now, **named)
        except UptierError:
            return
        self._bill()

    def _on(self, use: Callable[..., object], *given: object) -> None:
        """Something done to an invoice, where it may be."""
        with suppress(UptierError), self.database.unit(self.shop.scope) as unit:
            use(unit, *given, now=self.now)

    def _bill(self) -> None:
        assert not run_billing(self.database, self.shop.scope, now=self.now).failed

    def _found(self) -> Subscription:
        with self.database.view(self.shop.scope) as unit:
            return SubscriptionStore(unit).get(self.id)

    def _invoices(self) -> list[Invoice]:
        with self.database.view(self.shop.scope) as unit:
            return list(reversed(InvoiceStore(unit).page(limit=100).items))

    def _open(self) -> list[Invoice]:
        return [each for each in self._invoices() if each.status in {InvoiceStatus.ISSUED, InvoiceStatus.PARTLY_PAID}]


Life.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    phases=[Phase.generate],
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestLife = Life.TestCase
