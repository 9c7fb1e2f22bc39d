"""The life of a subscription: start, preview, change, cancel, and what the next invoice will say."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.invoices.cycle import bill_subscription
from billing.invoices.upcoming import upcoming
from billing.kernel.errors import InvalidError, NotFoundError
from billing.kernel.page import page_size
from billing.subscriptions.cancel import cancel_at_period_end
from billing.subscriptions.change import accept_quote, change_now, quote_change
from billing.subscriptions.lines_store import QuoteNotFoundError, QuoteStore
from billing.subscriptions.preview import preview_change
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import subscribe
from billing.subscriptions.subscription import Subscription
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.settings import grace_of, quote_life_of

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class NewSubscription(BaseModel):
    """A customer's subscription to a plan, from now on."""

    customer: str = Field(min_length=1, max_length=200)
    plan: str = Field(min_length=1, max_length=200)


class Change(BaseModel):
    """A move to a plan, or an add-on; with `preview` nothing is changed, with `quote` the promised price is taken."""

    target: str | None = Field(default=None, min_length=1, max_length=200)
    preview: bool = False
    quote: str | None = Field(default=None, max_length=60)

    @property
    def wanted(self) -> str:
        """The plan or add-on to move to; an error when none is named."""
        if self.target is None:
            raise InvalidError("name the plan or add-on as 'target'", field="target")
        return self.target


@router.post("", status_code=201)
def create(body: NewSubscription, context: SecretContext) -> JSONResponse:
    """Subscribe a customer; the first invoice is issued at once."""

    def work(unit: Unit) -> dict[str, Any]:
        started = subscribe(unit, body.customer, body.plan, now=context.now)
        _bill(unit, context, started.id)
        return _shown(unit, SubscriptionStore(unit).get(started.id))

    return context.write(work, body=body, status=201)


@router.get("")
def index(
    context: SecretContext, customer: str | None = None, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """Subscriptions, of one customer or all."""
    with context.view() as unit:
        customer_id = CustomerStore(unit).get(customer).id if customer else None
        found = SubscriptionStore(unit).page(limit=page_size(limit), cursor=cursor, customer_id=customer_id)
        names = CustomerStore(unit).by_ids(item.customer_id for item in found.items)
    items = [documents.subscription(item, names[item.customer_id].key) for item in found.items]
    return documents.page(items, found.next_cursor)


@router.get("/{subscription_id}")
def show(subscription_id: str, context: SecretContext) -> dict[str, Any]:
    """One subscription."""
    with context.view() as unit:
        return _shown(unit, SubscriptionStore(unit).get(subscription_id))


@router.post("/{subscription_id}/change")
def change(subscription_id: str, body: Change, context: SecretContext) -> JSONResponse:
    """Change now, at the present price or a quoted one; or preview the same lines without changing anything."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        if body.quote is not None:
            if QuoteStore(unit).get(body.quote).subscription_id != subscription_id:
                raise QuoteNotFoundError("this subscription has no such quote", quote=body.quote)
            changed = accept_quote(unit, body.quote, now=context.now)
        else:
            changed = change_now(unit, subscription_id, body.wanted, now=context.now)
        shown = _shown(unit, changed.subscription)
        return {**shown, "lines": [dict(line) for line in changed.lines], "total": documents.money(changed.total)}

    if body.preview:
        with context.view() as unit:
            found = SubscriptionStore(unit).get(subscription_id)
            return JSONResponse(documents.preview(preview_change(unit, found, body.wanted, at=context.now)))
    return context.write(work, body=body)


@router.post("/{subscription_id}/quotes", status_code=201)
def quote(subscription_id: str, body: Change, context: SecretContext) -> JSONResponse:
    """Promise the price of a change for a while."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        life = quote_life_of(context.services.settings)
        return documents.quote(quote_change(unit, subscription_id, body.wanted, now=context.now, life=life))

    return context.write(work, body=body, status=201)


@router.post("/{subscription_id}/cancel")
def cancel(subscription_id: str, context: SecretContext) -> JSONResponse:
    """Let it run out at the end of the paid period."""
    return context.write(lambda unit: _shown(unit, cancel_at_period_end(unit, subscription_id, now=context.now)))


@router.get("/{subscription_id}/upcoming-invoice")
def upcoming_invoice(subscription_id: str, context: SecretContext) -> dict[str, Any]:
    """What the next invoice would say with the usage so far."""
    with context.view() as unit:
        invoice = upcoming(unit, subscription_id)
        if invoice is None:
            raise NotFoundError("nothing will be billed for this subscription", subscription=subscription_id[:60])
        key = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id].key
    return documents.invoice(invoice, key)


def _bill(unit: Unit, context: Context, subscription_id: str) -> None:
    bill_subscription(unit, subscription_id, now=context.now, grace=grace_of(context.services.settings))


def _shown(unit: Unit, subscription: Subscription) -> dict[str, Any]:
    key = CustomerStore(unit).by_ids([subscription.customer_id])[subscription.customer_id].key
    return documents.subscription(subscription, key)
