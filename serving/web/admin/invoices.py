"""Invoices for the operator: the list, and each invoice with the steps behind every line, which add up to its amount."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.invoices.build import version_names
from billing.invoices.invoice import InvoiceStatus
from billing.invoices.store import InvoiceStore
from serving.web.gate import DemoShop
from serving.web.pages import PageRoute, render

router = APIRouter(prefix="/admin/invoices", include_in_schema=False, route_class=PageRoute)
_PAGE = 25
_STATUSES = tuple(status.value for status in InvoiceStatus)


@router.get("")
def index(demo: DemoShop, status: str = "", cursor: str | None = None) -> HTMLResponse:
    """Invoices, newest first; a status that does not exist shows all."""
    wanted = InvoiceStatus(status) if status in _STATUSES else None
    with demo.view() as unit:
        found = InvoiceStore(unit).page(limit=_PAGE, cursor=cursor or None, status=wanted)
        names = CustomerStore(unit).by_ids(invoice.customer_id for invoice in found.items)
    return render(
        "admin/invoices.html",
        demo,
        invoices=found.items,
        names=names,
        next_cursor=found.next_cursor,
        is_first=not cursor,
        chosen=status,
        statuses=("", *_STATUSES),
    )


@router.get("/{invoice_id}")
def show(invoice_id: str, demo: DemoShop) -> HTMLResponse:
    """One invoice by id or number, and why this is the amount."""
    with demo.view() as unit:
        invoice = InvoiceStore(unit).get(invoice_id)
        customer = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id]
        versions = CatalogStore(unit).by_ids({line.version_id for line in invoice.lines})
    names = version_names(list(versions.values()))
    return render("admin/invoice.html", demo, invoice=invoice, customer=customer, versions=names)
