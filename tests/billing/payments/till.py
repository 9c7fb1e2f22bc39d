"""A shop whose customers owe something and can be charged by the sandbox, and what its books must always say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from billing.invoices.invoice import Invoice, InvoiceLine, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import invoice_issued
from billing.payments.collection_store import AttemptStore, DunningStore
from billing.payments.incoming import take_event
from billing.payments.methods import attach, save_method
from billing.payments.sandbox.provider import SandboxProvider
from billing.payments.sandbox.store import SandboxStore
from billing.payments.store import PaymentStore
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.payments.attempt import Attempt, Method
    from billing.payments.dunning import Dunning
    from billing.payments.payment import Payment

SECRET = b"sandbox secret of a test"


class OpenShop(Protocol):
    """A shop's database and whose rows are meant."""

    @property
    def database(self) -> Database:
        """Where its rows are."""
        ...

    @property
    def scope(self) -> Scope:
        """Whose they are."""
        ...


@dataclass(frozen=True, slots=True)
class Till:
    """A shop and its sandbox."""

    shop: OpenShop
    sandbox: SandboxProvider

    def owe(self, customer: str, amount: str = "9.00", at: datetime = START) -> Invoice:
        """An issued invoice of a new subscription, in the books."""
        with self.shop.database.unit(self.shop.scope) as unit:
            started = subscribe(unit, customer, "starter", now=at)
            return issue(unit, started.customer_id, started.version_id, amount, at=at, subscription=started.id)

    def give(self, customer: str, token: str, at: datetime = START) -> Method:
        """The customer's new default method."""
        kept = attach(self.shop.database, self.shop.scope, self.sandbox, customer, token)
        with self.shop.database.unit(self.shop.scope) as unit:
            return save_method(unit, customer, kept, provider=self.sandbox.name, now=at)

    def tell(self, message: tuple[dict[str, str], bytes], at: datetime = START) -> str:
        """Deliver a message of the sandbox."""
        event = self.sandbox.parse_webhook(*message, now=at)
        with self.shop.database.unit(self.shop.scope) as unit:
            return take_event(unit, self.sandbox.name, event, now=at)

    def invoice(self, invoice_id: str) -> Invoice:
        """As it is stored."""
        with self.shop.database.view(self.shop.scope) as unit:
            return InvoiceStore(unit).get(invoice_id)

    def attempts(self, invoice_id: str) -> list[Attempt]:
        """In their order."""
        with self.shop.database.view(self.shop.scope) as unit:
            return AttemptStore(unit).of_invoice(invoice_id)

    def dunning(self, invoice_id: str) -> Dunning | None:
        """As it is stored."""
        with self.shop.database.view(self.shop.scope) as unit:
            return DunningStore(unit).find(invoice_id)

    def payments(self, invoice_id: str) -> list[Payment]:
        """Oldest first."""
        with self.shop.database.view(self.shop.scope) as unit:
            return PaymentStore(unit).of_invoice(invoice_id)

    def balance(self, account: Account) -> int:
        """Minor units in euro on an account, as people read it."""
        with self.shop.database.view(self.shop.scope) as unit:
            return account.natural(LedgerStore(unit).balances().of(account, "EUR")).amount_minor

    def takings(self) -> int:
        """Minor units in euro that the sandbox holds for the shop."""
        with self.shop.database.view(self.shop.scope) as unit:
            return SandboxStore(unit).takings().get("EUR", 0)

    def check_books(self) -> None:
        """Sums are zero, each transaction balances, and what is receivable is what unpaid invoices ask for."""
        with self.shop.database.view(self.shop.scope) as unit:
            store = LedgerStore(unit)
            assert store.balances().net("EUR") == Money.zero("EUR")
            waiting = [InvoiceStore(unit).get(each) for each, _ in InvoiceStore(unit).unpaid(limit=10_000)]
            receivable = store.balances().of(Account.RECEIVABLE, "EUR").amount_minor
        assert receivable == sum(each.amount_due.amount_minor for each in waiting)
        assert all(each.status is not InvoiceStatus.PAID for each in waiting)


def open_till(database: Database, *, customers: tuple[str, ...] = ("ann", "bob")) -> Till:
    """A shop at START."""
    shop = open_shop(database, customers=customers)
    return Till(shop, SandboxProvider(database, shop.scope, secret=SECRET))


def issue(
    unit: Unit, customer: str, version: str, amount: str, *, at: datetime = START, subscription: str | None = None
) -> Invoice:
    """An invoice of one line, issued and in the books."""
    price, zero, invoice_id = Money.of(amount, "EUR"), Money.zero("EUR"), new_id("inv")
    line = InvoiceLine.untaxed(f"fee:{invoice_id}", "once", price, version_id=version, document={"description": "Fee"})
    invoice = Invoice(
        id=invoice_id,
        customer_id=customer,
        subscription_id=subscription,
        sequence=None if subscription is None else 1,
        status=InvoiceStatus.ISSUED,
        currency="EUR",
        period=None,
        version_ids=(version,),
        closes_at=at,
        created_at=at,
        issued_at=at,
        number=invoice_id,
        credit=zero,
        prepaid=zero,
        paid=zero,
        credited=zero,
        lines=(line,),
    )
    InvoiceStore(unit).add(invoice)
    LedgerStore(unit).append(invoice_issued(invoice_id, at=at, customer=customer, earned=price, deferred=zero))
    return invoice
