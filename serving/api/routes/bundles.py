"""Selling bundles: the shop's policy, a price promised for a while, and taking it as one line of an invoice."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.bundles.accept import InvoiceOn, accept_bundle
from billing.bundles.bundle import MOST_OF_A_PART, MOST_PARTS, BundleError, BundlePart, BundleQuote, PartKind
from billing.bundles.lines import part_document
from billing.bundles.policy import BundlePolicy
from billing.bundles.quote import quote_bundle
from billing.bundles.store import BundlePolicyStore, BundleQuoteStore
from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.invoices.cycle import bill_subscription
from billing.pricing.bundle import DiscountPolicy
from billing.subscriptions.store import SubscriptionStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.settings import grace_of, quote_life_of

router = APIRouter(prefix="/v1/bundles", tags=["bundles"])
Key = Annotated[str, Field(min_length=1, max_length=200)]
Bps = Annotated[int, Field(ge=0, lt=10_000)]


class Item(BaseModel):
    """A product (`item`, how many as `quantity`) or an add-on of the customer's subscription (`addon`, in how many `seats`)."""

    item: Key | None = None
    addon: Key | None = None
    quantity: int = Field(default=1, ge=1, le=MOST_OF_A_PART)
    seats: int | None = Field(default=None, ge=1, le=MOST_OF_A_PART)

    @property
    def part(self) -> BundlePart:
        """What is wished for; an error unless exactly one of both is named."""
        if self.item is not None and self.addon is None:
            return BundlePart(self.item, quantity=self.quantity)
        if self.addon is not None and self.item is None:
            return BundlePart(self.addon, PartKind.ADDON, self.seats)
        raise BundleError("name a part as 'item' or as 'addon'", field="items")


class Quote(BaseModel):
    """The parts that a customer would take together; a bare text names a product."""

    customer: Key
    items: list[Key | Item] = Field(min_length=1, max_length=MOST_PARTS)

    @property
    def parts(self) -> list[BundlePart]:
        """The parts in their order."""
        return [BundlePart(each) if isinstance(each, str) else each.part for each in self.items]


class Accept(BaseModel):
    """When it is invoiced: "now", by itself, or on the "next" invoice of the customer's subscription."""

    invoice: InvoiceOn = InvoiceOn.NOW


class Policy(BaseModel):
    """Basis points (1/100 of a percent): the wished discount, the margin that must be left, the discount where costs are unknown.

    `tax_class` is that of products, `tax_classes` that of single categories; `tax_inclusive` says that prices have taxes in them.
    """

    discount_bps: Bps = 1_000
    margin_floor_bps: Bps = 2_000
    blind_discount_bps: Bps = 500
    tax_class: str = Field(default="standard", min_length=1, max_length=100)
    tax_inclusive: bool = False
    tax_classes: dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=100)]] = Field(
        default_factory=dict, max_length=200
    )

    @property
    def policy(self) -> BundlePolicy:
        """What is kept."""
        discounts = DiscountPolicy(
            discount_bps=self.discount_bps,
            margin_floor_bps=self.margin_floor_bps,
            blind_discount_bps=self.blind_discount_bps,
        )
        return BundlePolicy(
            discounts=discounts,
            tax_class=self.tax_class,
            tax_inclusive=self.tax_inclusive,
            tax_classes=self.tax_classes,
        )


@router.get("/policy")
def show_policy(context: SecretContext) -> dict[str, Any]:
    """The shop's policy; the defaults until it was first put."""
    with context.view() as unit:
        return BundlePolicyStore(unit).get().to_document()


@router.put("/policy")
def put_policy(body: Policy, context: SecretContext) -> JSONResponse:
    """Say what the shop gives off a bundle at most; quotes that were given keep their prices."""

    def work(unit: Unit) -> dict[str, Any]:
        BundlePolicyStore(unit).put(body.policy, context.now)
        return body.policy.to_document()

    return context.write(work, body=body)


@router.post("/quotes", status_code=201)
def quote(body: Quote, context: SecretContext) -> JSONResponse:
    """Promise one price for some products and add-ons together."""

    def work(unit: Unit) -> dict[str, Any]:
        customer = CustomerStore(unit).get(body.customer)
        _bill(unit, context, customer.id)
        life = quote_life_of(context.services.settings)
        return _document(unit, quote_bundle(unit, customer.id, body.parts, now=context.now, life=life))

    return context.write(work, body=body, status=201)


@router.get("/quotes/{bundle_quote_id}")
def show_quote(bundle_quote_id: str, context: SecretContext) -> dict[str, Any]:
    """One quote, and the invoice that took it."""
    with context.view() as unit:
        return _document(unit, BundleQuoteStore(unit).get(bundle_quote_id))


@router.post("/quotes/{bundle_quote_id}/accept")
def accept(bundle_quote_id: str, context: SecretContext, body: Accept | None = None) -> JSONResponse:
    """Take a bundle at its quoted price: one line with its parts, every part owned, every right given, or nothing at all."""
    asked = body or Accept()

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, BundleQuoteStore(unit).get(bundle_quote_id).customer_id)
        accept_bundle(unit, bundle_quote_id, now=context.now, invoice_on=asked.invoice)
        return _document(unit, BundleQuoteStore(unit).get(bundle_quote_id))

    return context.write(work, body=asked)


def _bill(unit: Unit, context: Context, customer_id: str) -> None:
    """What is due of the customer's subscription, so that the shares of its period are those of this moment."""
    running = SubscriptionStore(unit).running_of([customer_id]).get(customer_id)
    if running is not None:
        bill_subscription(unit, running.id, now=context.now, grace=grace_of(context.services.settings))


def _document(unit: Unit, value: BundleQuote) -> dict[str, Any]:
    return {
        "id": value.id,
        "customer": CustomerStore(unit).by_ids([value.customer_id])[value.customer_id].key,
        "parts": [part_document(part) for part in value.parts],
        "list_price": documents.money(value.list_total),
        "total": documents.money(value.total),
        "discount": documents.money(value.list_total - value.total),
        "margin_rule": value.margin_rule,
        "quoted_at": documents.instant(value.quoted_at),
        "expires_at": documents.instant(value.expires_at),
        "accepted_at": documents.instant(value.accepted_at),
        "invoice": value.invoice_id,
    }
