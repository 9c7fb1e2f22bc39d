"""Invoices, why they say what they say, payments, and the billing run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.invoices.behind import behind_line
from billing.invoices.build import version_names
from billing.invoices.cycle import run_billing
from billing.invoices.invoice import Invoice, InvoiceStatus
from billing.invoices.store import InvoiceStore
from billing.kernel.money import Money
from billing.kernel.page import page_size
from billing.payments.record import record_payment
from serving.api import documents
from serving.api.context import SecretContext
from serving.settings import grace_of

router = APIRouter(prefix="/v1", tags=["money"])
_EXPLAINED = (
    "key",
    "kind",
    "description",
    "quantity",
    "amount",
    "net",
    "tax",
    "version",
    "quote_id",
    "events",
    "trace",
)
_WHERE_THERE = ("cuts", "taxes", "usage", "corrects")


class Payment(BaseModel):
    """That an invoice was paid, in whole or by an amount; the reference makes it count once."""

    reference: str = Field(min_length=1, max_length=200)
    amount: str | None = Field(default=None, min_length=1, max_length=40)


@router.get("/invoices")
def index(
    context: SecretContext,
    customer: str | None = None,
    status: InvoiceStatus | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> dict[str, Any]:
    """Invoices, newest first."""
    with context.view() as unit:
        customer_id = CustomerStore(unit).get(customer).id if customer else None
        found = InvoiceStore(unit).page(limit=page_size(limit), cursor=cursor, customer_id=customer_id, status=status)
        names = CustomerStore(unit).by_ids(item.customer_id for item in found.items)
    items = [documents.invoice(item, names[item.customer_id].key) for item in found.items]
    return documents.page(items, found.next_cursor)


@router.get("/invoices/{invoice_id}")
def show(invoice_id: str, context: SecretContext) -> dict[str, Any]:
    """One invoice by id or number."""
    with context.view() as unit:
        return _shown(unit, InvoiceStore(unit).get(invoice_id))


@router.get("/invoices/{invoice_id}/explain")
def explain(invoice_id: str, context: SecretContext) -> dict[str, Any]:
    """Why it is this amount: version, rule, units and amount of every step of every line, and the stages down to what is due."""
    with context.view() as unit:
        shown = _shown(unit, InvoiceStore(unit).get(invoice_id))
    lines = [
        {name: line[name] for name in (*_EXPLAINED, *(name for name in _WHERE_THERE if name in line))}
        for line in shown["lines"]
    ]
    paid = {name: shown[name] for name in ("credit_applied", "prepaid_applied", "credited", "paid", "amount_due")}
    return {
        "id": shown["id"],
        "number": shown["number"],
        "total": shown["total"],
        "lines": lines,
        "stages": shown["summary"].get("stages", []),
        "taxes": shown["summary"].get("taxes", []),
        **paid,
    }


@router.get("/invoices/{invoice_id}/lines/{line}/events")
def events(
    invoice_id: str, line: int, context: SecretContext, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """The usage events behind a line (counted from 1), as they were known when it was rated, oldest first."""
    with context.view() as unit:
        found = behind_line(unit, invoice_id, line, limit=page_size(limit), cursor=cursor)
    return documents.page([documents.event(each) for each in found.items], found.next_cursor)


@router.post("/invoices/{invoice_id}/payments", status_code=201)
def pay(invoice_id: str, body: Payment, context: SecretContext) -> JSONResponse:
    """Record that an invoice was paid: in full, or by the amount given."""

    def work(unit: Unit) -> dict[str, Any]:
        currency = InvoiceStore(unit).get(invoice_id).currency
        amount = None if body.amount is None else Money.of(body.amount, currency)
        return _shown(unit, record_payment(unit, invoice_id, reference=body.reference, now=context.now, amount=amount))

    return context.write(work, body=body, status=201)


@router.post("/billing/run")
def run(context: SecretContext) -> dict[str, Any]:
    """Bill everything that has fallen due; running it again changes nothing."""
    report = run_billing(
        context.services.database,
        context.principal.scope,
        now=context.now,
        grace=grace_of(context.services.settings),
    )
    failed = [{"id": what, "detail": why} for what, why in report.failed]
    return {"drafted": report.drafted, "issued": report.issued, "failed": failed}


def _shown(unit: Unit, invoice: Invoice) -> dict[str, Any]:
    key = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id].key
    versions = CatalogStore(unit).by_ids({line.version_id for line in invoice.lines})
    return documents.invoice(invoice, key, version_names(list(versions.values())))
