"""A shop told step by step, for golden invoices: everything goes through the engine, nothing is put together by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.item import Aggregation, Meter
from billing.catalog.plan import PlanKind
from billing.catalog.publish import Draft, publish
from billing.catalog.store import CatalogStore
from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.documents.load import invoice_document
from billing.invoices.adjust import adjust_late
from billing.invoices.cycle import run_billing
from billing.invoices.store import InvoiceStore
from billing.invoices.thresholds import bill_thresholds
from billing.kernel.ids import new_id
from billing.metering.ingest import ingest
from billing.pricing.ratecard import meter_of
from billing.subscriptions.subscribe import Options, subscribe
from billing.tenants.create import Opened, open_tenant
from billing.tenants.profile.seller import SellerProfile
from billing.tenants.profile.store import ProfileStore
from billing.tenants.tenant import Mode

if TYPE_CHECKING:
    from billing.db.session import Database
    from billing.documents.page import InvoiceDocument
    from billing.subscriptions.subscription import Subscription

START = datetime(2026, 1, 31, 9, tzinfo=UTC)
GRACE = timedelta(days=1)
SELLER = SellerProfile(
    legal_name="Bean Street GmbH",
    line1="Kastanienallee 12",
    postal_code="10435",
    city="Berlin",
    country="DE",
    vat_id="DE136695976",
    registration="HRB 12345 B, Amtsgericht Charlottenburg",
    email="billing@beanstreet.example",
    iban="DE89370400440532013000",
    bic="COBADEFFXXX",
)
ANN = Customer(
    id="",
    key="ann",
    created_at=START,
    name="Ann Archer",
    email="ann@archer.example",
    country="DE",
    address={"line1": "Lindenweg 3", "postal_code": "20095", "city": "Hamburg"},
)


@dataclass(slots=True)
class Story:
    """One shop, one customer, and what happened."""

    database: Database
    opened: Opened
    zone: str
    events: int = 0

    @classmethod
    def begin(
        cls,
        database: Database,
        *,
        zone: str = "Europe/Berlin",
        currency: str = "EUR",
        seller: SellerProfile | None = None,
        buyer: Customer = ANN,
        at: datetime = START,
    ) -> Story:
        """A shop in test mode with one customer in its zone; it charges taxes where its profile says so."""
        opened = open_tenant(
            database, name="Bean Street", currency=currency, zone=zone, mode=Mode.TEST, now=at, origins=[]
        )
        story = cls(database, opened, zone)
        with story.unit() as unit:
            ProfileStore(unit).put(SELLER if seller is None else seller, at)
            CustomerStore(unit).add(replace(buyer, id=new_id("cus"), zone=zone, created_at=at))
        return story

    @property
    def scope(self) -> Scope:
        """The shop's rows."""
        return Scope(self.opened.tenant.id)

    def unit(self) -> Any:
        """A writing transaction."""
        return self.database.unit(self.scope)

    def meter(self, key: str, prop: str | None = None, **more: Any) -> None:
        """A meter that counts events of its key, or sums a property of them."""
        aggregation = Aggregation.COUNT if prop is None else Aggregation.SUM
        with self.unit() as unit:
            CatalogStore(unit).put_meter(
                Meter(key=key, name=key.title(), event_type=key, aggregation=aggregation, prop=prop, **more)
            )

    def plan(self, key: str, charges: list[dict[str, Any]], *, currency: str = "EUR", **more: Any) -> None:
        """Publish a plan, or an add-on with `kind`."""
        draft: dict[str, Any] = {"kind": PlanKind.PLAN, "rank": 1, "interval": "month", "grants": [], **more}
        with self.unit() as unit:
            publish(
                unit,
                Draft(key=key, name=key.replace("_", " ").title(), currency=currency, charges=charges, **draft),
                read_charge=meter_of,
                now=START,
            )

    def subscribe(self, plan: str, *, at: datetime = START, **options: Any) -> Subscription:
        """The customer subscribes, and is billed what is due at once."""
        with self.unit() as unit:
            made = subscribe(unit, "ann", plan, now=at, options=Options(**options))
        self.bill(at)
        return made

    def use(self, kind: str, count: int, at: datetime, *, known: datetime | None = None, **data: Any) -> list[str]:
        """So many events of a kind at an instant; the answer is their ids."""
        ids = [f"e{self.events + number}" for number in range(count)]
        self.events += count
        documents = [
            {"id": each, "source": "shop", "type": kind, "customer": "ann", "time": at.isoformat(), "data": data}
            for each in ids
        ]
        with self.unit() as unit:
            receipt = ingest(unit, documents, now=known or at)
        assert not receipt.rejected, receipt.rejected
        return ids

    def bill(self, now: datetime) -> None:
        """Everything that is due: thresholds, corrections, invoices."""
        bill_thresholds(self.database, self.scope, now=now, grace=GRACE)
        adjust_late(self.database, self.scope, now=now)
        report = run_billing(self.database, self.scope, now=now, grace=GRACE)
        assert not report.failed, report.failed

    def invoice(self, number: int = -1) -> InvoiceDocument:
        """An invoice of the shop by its place, as the document that is handed out."""
        with self.database.view(self.scope) as unit:
            found = sorted(InvoiceStore(unit).page(limit=100).items, key=lambda invoice: str(invoice.number or "~"))
            assert all(invoice.number for invoice in found), "an invoice is not final"
            return invoice_document(unit, found[number].id, self.opened.tenant)


def fee(name: str, amount: str, **more: Any) -> dict[str, Any]:
    """A flat fee."""
    return {"key": "fee", "name": name, "price": {"model": "flat", "amount": amount}, **more}


def metered(key: str, name: str, price: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A metered charge."""
    return {"key": key, "name": name, "meter": key, "price": price, **more}
