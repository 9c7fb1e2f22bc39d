"""Payment methods, attempts, payments, refunds and disputes; and what payment providers tell us.

Money moves between two transactions: what is to be done is written down, the provider is asked, and its answer is written down. A request
that is repeated with its `Idempotency-Key` finds what was written down and asks nothing twice.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.db.session import Unit
from billing.invoices.store import InvoiceStore
from billing.kernel.ids import is_id
from billing.kernel.money import Money
from billing.kernel.page import page_size
from billing.payments.attempt import Attempt, Method
from billing.payments.attempts import carry_out, prepare_attempt
from billing.payments.collection_store import AttemptStore, DunningStore, MethodStore
from billing.payments.dunning import Dunning, access_until
from billing.payments.incoming import take_event
from billing.payments.methods import attach, choose_method, remove_method, save_method
from billing.payments.payment import Dispute, DisputeState, Payment, Refund
from billing.payments.provider import ProviderUnavailableError, SignatureError
from billing.payments.refund import carry_out_refund, prepare_refund
from billing.payments.store import DisputeStore, PaymentStore, RefundStore
from billing.tenants.store import TenantStore
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.dunning import policy_of
from serving.payments import needed_provider, provider_named
from serving.wiring import Services

router = APIRouter(prefix="/v1", tags=["payments"])


class NewMethod(BaseModel):
    """What the provider's own form in the browser made; no card number ever comes here."""

    token: str = Field(min_length=1, max_length=200)
    default: bool = True


class NewRefund(BaseModel):
    """How much of a payment is to have gone back in all; what went back before counts."""

    refunded_total: str = Field(min_length=1, max_length=40)
    reason: str = Field(default="", max_length=400)


@router.post("/customers/{key}/payment-methods", status_code=201)
def add_method(key: str, body: NewMethod, context: SecretContext) -> JSONResponse:
    """Save a payment method; what is past due is tried on it at the next collection."""
    with context.view() as unit:
        CustomerStore(unit).get(key)
    provider = needed_provider(context.services, context.principal.tenant)
    kept = attach(context.services.database, context.principal.scope, provider, key, body.token)
    return context.write(
        lambda unit: _method(
            save_method(unit, key, kept, provider=provider.name, now=context.now, default=body.default)
        ),
        body=body,
        status=201,
    )


@router.get("/customers/{key}/payment-methods")
def methods(key: str, context: SecretContext) -> dict[str, Any]:
    """A customer's payment methods."""
    with context.view() as unit:
        found = MethodStore(unit).of_customer(CustomerStore(unit).get(key).id)
    return documents.page([_method(each) for each in found], None)


@router.post("/payment-methods/{method_id}/default")
def choose(method_id: str, context: SecretContext) -> JSONResponse:
    """Charge this one from now on."""
    return context.write(lambda unit: _method(choose_method(unit, method_id, now=context.now)))


@router.delete("/payment-methods/{method_id}")
def remove(method_id: str, context: SecretContext) -> JSONResponse:
    """Charge this one no more."""

    def work(unit: Unit) -> dict[str, Any]:
        remove_method(unit, method_id, now=context.now)
        return _method(MethodStore(unit).get(method_id))

    return context.write(work)


@router.get("/invoices/{invoice_id}/attempts")
def attempts(invoice_id: str, context: SecretContext) -> dict[str, Any]:
    """Every attempt to take an invoice's money, and what comes next."""
    with context.view() as unit:
        invoice = InvoiceStore(unit).get(invoice_id)
        made = AttemptStore(unit).of_invoice(invoice.id)
        dunning = DunningStore(unit).find(invoice.id)
    return {**documents.page([_attempt(each) for each in made], None), "dunning": _dunning(context, dunning)}


@router.post("/invoices/{invoice_id}/attempts", status_code=201)
def attempt_now(invoice_id: str, context: SecretContext) -> JSONResponse:
    """Take what is due from the customer's payment method now. An outcome that is not known yet is answered as `prepared`."""
    with context.view() as unit:
        InvoiceStore(unit).get(invoice_id)
    provider = needed_provider(context.services, context.principal.tenant)
    prepared = _written(
        context.write(lambda unit: {"id": prepare_attempt(unit, invoice_id, provider.name, now=context.now).id})
    )
    with suppress(ProviderUnavailableError):  # it is looked up later; meanwhile it stands as prepared
        carry_out(
            context.services.database,
            context.principal.scope,
            provider,
            prepared["id"],
            now=context.now,
            policy=policy_of(context.services.settings),
        )
    with context.view() as unit:
        return JSONResponse(_attempt(AttemptStore(unit).get(prepared["id"])), status_code=201)


@router.get("/payments")
def payments(
    context: SecretContext, invoice: str | None = None, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """Payments, newest first."""
    with context.view() as unit:
        invoice_id = InvoiceStore(unit).get(invoice).id if invoice else None
        found = PaymentStore(unit).page(limit=page_size(limit), cursor=cursor, invoice_id=invoice_id)
    return documents.page([_payment(each) for each in found.items], found.next_cursor)


@router.get("/payments/{payment_id}")
def payment(payment_id: str, context: SecretContext) -> dict[str, Any]:
    """One payment with its refunds and disputes."""
    with context.view() as unit:
        found = PaymentStore(unit).get(payment_id)
        refunds, disputes = RefundStore(unit).of_payment(found.id), DisputeStore(unit).of_payment(found.id)
    return {
        **_payment(found),
        "refunds": [_refund(each) for each in refunds],
        "disputes": [_dispute(each) for each in disputes],
    }


@router.post("/payments/{payment_id}/refunds", status_code=201)
def refund(payment_id: str, body: NewRefund, context: SecretContext) -> JSONResponse:
    """Bring what went back of a payment to a total; asking again for the same total gives nothing more back."""
    with context.view() as unit:
        found = PaymentStore(unit).get(payment_id)
    target = Money.of(body.refunded_total, found.amount.currency)
    written = _written(
        context.write(
            lambda unit: {
                "id": prepare_refund(unit, payment_id, target=target, reason=body.reason, now=context.now).id
            },
            body=body,
        )
    )
    if found.provider is not None:
        provider = provider_named(context.services, found.provider, context.tenant_id)
        with suppress(ProviderUnavailableError):  # as above
            carry_out_refund(
                context.services.database, context.principal.scope, provider, written["id"], now=context.now
            )
    with context.view() as unit:
        made = RefundStore(unit).find(written["id"])
        return JSONResponse(None if made is None else _refund(made), status_code=201)


@router.get("/disputes")
def disputes(
    context: SecretContext, state: DisputeState | None = None, limit: Annotated[int | None, Query()] = None
) -> dict[str, Any]:
    """Disputes, newest first."""
    with context.view() as unit:
        found = DisputeStore(unit).recent(limit=page_size(limit), state=state)
    return documents.page([_dispute(each) for each in found], None)


@router.post("/providers/{provider}/webhooks/{tenant_id}", include_in_schema=False)
async def provider_message(provider: str, tenant_id: str, request: Request) -> dict[str, str]:
    """A message of a payment provider, proved by its signature instead of a key; what is not known is kept and answered."""
    body = await request.body()
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 (set by the app factory)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return await run_in_threadpool(_take, services, provider, tenant_id, headers, body)


def _take(services: Services, name: str, tenant_id: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
    """Prove, then look whose it is: who cannot sign learns nothing about tenants."""
    system_now = services.clock.now()
    if not is_id(tenant_id, "ten"):
        raise SignatureError("the signature is not of this message")
    event = provider_named(services, name, tenant_id).parse_webhook(headers, body, now=system_now)
    with services.database.view(PLATFORM_SCOPE) as unit:
        tenant = TenantStore(unit).find(tenant_id)
    if tenant is None:
        raise SignatureError("the signature is not of this message")
    with services.database.unit(Scope(tenant.id)) as unit:
        policy = policy_of(services.settings)
        return {"outcome": take_event(unit, name, event, now=tenant.now(system_now), policy=policy)}


def _written(answer: JSONResponse) -> dict[str, Any]:
    """What a first transaction answered, now or when the request came the first time."""
    found: dict[str, Any] = orjson.loads(answer.body)
    return found


def _method(value: Method) -> dict[str, Any]:
    return {
        "id": value.id,
        "provider": value.provider,
        "label": value.label,
        "default": value.is_default,
        "added_at": documents.instant(value.added_at),
        "removed_at": documents.instant(value.removed_at),
    }


def _attempt(value: Attempt) -> dict[str, Any]:
    return {
        "id": value.id,
        "invoice": value.invoice_id,
        "number": value.number,
        "method": value.method_id,
        "provider": value.provider,
        "amount": documents.money(value.amount),
        "state": value.state.value,
        "code": value.code,
        "retryable": value.retryable,
        "prepared_at": documents.instant(value.prepared_at),
        "settled_at": documents.instant(value.settled_at),
    }


def _dunning(context: Context, value: Dunning | None) -> dict[str, Any] | None:
    if value is None:
        return None
    end = access_until(value, policy_of(context.services.settings).grace)
    return {
        "state": value.state.value,
        "failures": value.failures,
        "last_code": value.last_code,
        "waits_for_method": value.waits_for_method,
        "past_due_at": documents.instant(value.past_due_at),
        "next_attempt_at": documents.instant(value.next_attempt_at),
        "access_until": documents.instant(end),
    }


def _payment(value: Payment) -> dict[str, Any]:
    return {
        "id": value.id,
        "invoice": value.invoice_id,
        "reference": value.reference,
        "provider": value.provider,
        "amount": documents.money(value.amount),
        "surplus": documents.money(value.surplus),
        "refunded": documents.money(value.refunded),
        "received_at": documents.instant(value.received_at),
    }


def _refund(value: Refund) -> dict[str, Any]:
    return {
        "id": value.id,
        "payment": value.payment_id,
        "amount": documents.money(value.amount),
        "refunded_total": documents.money(value.target),
        "state": value.state.value,
        "reason": value.reason,
        "code": value.code,
        "prepared_at": documents.instant(value.prepared_at),
        "settled_at": documents.instant(value.settled_at),
    }


def _dispute(value: Dispute) -> dict[str, Any]:
    return {
        "id": value.id,
        "payment": value.payment_id,
        "amount": documents.money(value.amount),
        "fee": documents.money(value.fee),
        "state": value.state.value,
        "opened_at": documents.instant(value.opened_at),
        "closed_at": documents.instant(value.closed_at),
    }
