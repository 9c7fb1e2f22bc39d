"""The life of a subscription: start, preview, change, schedule, pause, cancel, and what the next invoice will say."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from billing.customers.store import CustomerStore
from billing.db.session import Unit
from billing.invoices.cycle import bill_subscription
from billing.invoices.upcoming import upcoming
from billing.kernel.cadence import zone_of
from billing.kernel.errors import InvalidError, NotFoundError
from billing.kernel.page import page_size
from billing.pricing.context import PricingContext
from billing.subscriptions.cancel import cancel_at, cancel_at_period_end, cancel_now, uncancel
from billing.subscriptions.change import When, accept_quote, preview_at, quote_change, remove_addon
from billing.subscriptions.change import change as change_subscription
from billing.subscriptions.commit import Changed
from billing.subscriptions.coupons.redeem import redeem
from billing.subscriptions.facts import set_facts
from billing.subscriptions.lines_store import QuoteNotFoundError, QuoteStore
from billing.subscriptions.pause import pause_at_period_end, pause_now, resume
from billing.subscriptions.schedule import cancel_scheduled
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscribe import Options, subscribe
from billing.subscriptions.subscription import Subscription
from serving.api import documents
from serving.api.context import Context, SecretContext
from serving.settings import grace_of, quote_life_of

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])


class NewSubscription(BaseModel):
    """A customer's subscription to a plan. `trial_days` overrides the plan's own; `starts_at` may lie in the past.

    `coupons` are redeemed with it, so that they come off the first invoice already.
    """

    customer: str = Field(min_length=1, max_length=200)
    plan: str = Field(min_length=1, max_length=200)
    seats: int | None = Field(default=None, ge=1, le=1_000_000)
    currency: str | None = Field(default=None, min_length=3, max_length=3)
    trial_days: int | None = Field(default=None, ge=0, le=3660)
    force_trial: bool = False
    starts_at: AwareDatetime | None = None
    addons: list[str] = Field(default_factory=list, max_length=50)
    coupons: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=list, max_length=10)

    @property
    def options(self) -> Options:
        """How it starts."""
        return Options(
            seats=self.seats,
            currency=self.currency,
            trial_days=self.trial_days,
            force_trial=self.force_trial,
            starts_at=self.starts_at,
            addons=tuple(self.addons),
        )


class Change(BaseModel):
    """A move to a plan, an add-on, or other seats; with `preview` nothing is changed, with `quote` the promised price is taken.

    `when` is "now", "period_end", "auto" (what costs less waits for the period's end) or an instant.
    """

    target: str | None = Field(default=None, min_length=1, max_length=200)
    seats: int | None = Field(default=None, ge=1, le=1_000_000)
    when: When | AwareDatetime = When.NOW
    preview: bool = False
    quote: str | None = Field(default=None, max_length=60)

    @property
    def wanted(self) -> str | None:
        """The plan or add-on to move to, None for other seats of the plan; an error when neither is named."""
        if self.target is None and self.seats is None:
            raise InvalidError("name the plan or add-on as 'target', or a number of 'seats'", field="target")
        return self.target


class Removal(BaseModel):
    """Taking an add-on off: now, with its unused time given back, or when the period ends."""

    when: When = When.NOW


class Pause(BaseModel):
    """A pause, now (with the unused time given back if `credit`) or at the period's end, until `resume_at` or until it is resumed."""

    when: When = When.NOW
    credit: bool = False
    resume_at: AwareDatetime | None = None


class Resume(BaseModel):
    """The end of a pause: now, or at an instant."""

    at: AwareDatetime | None = None


class Cancel(BaseModel):
    """The end: when the period is over, now (with the unused time given back if `credit`), or at an instant.

    `reason` is "payment" when it is ended because nothing was paid: churn by choice is learned apart from it.
    """

    when: When | AwareDatetime = When.PERIOD_END
    credit: bool = False
    reason: Literal["voluntary", "payment"] = "voluntary"


@router.post("", status_code=201)
def create(body: NewSubscription, context: SecretContext) -> JSONResponse:
    """Subscribe a customer; the first invoice is issued at once, or when the trial is over."""

    def work(unit: Unit) -> dict[str, Any]:
        started = subscribe(unit, body.customer, body.plan, now=context.now, options=body.options)
        for coupon in body.coupons:
            redeem(unit, started.id, coupon, now=context.now)
        return _billed(unit, context, started.id)

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
    """Change now, at the present price or a quoted one, or later; or preview the same lines without changing anything."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        if body.quote is not None:
            if QuoteStore(unit).get(body.quote).subscription_id != subscription_id:
                raise QuoteNotFoundError("this subscription has no such quote", quote=body.quote)
            changed = accept_quote(unit, body.quote, now=context.now)
        else:
            changed = change_subscription(
                unit, subscription_id, body.wanted, now=context.now, when=body.when, seats=body.seats
            )
        return _changed(unit, context, changed)

    if body.preview:
        with context.view() as unit:
            found = SubscriptionStore(unit).get(subscription_id)
            at, shown = preview_at(unit, found, body.wanted, now=context.now, when=body.when, seats=body.seats)
            return JSONResponse({**documents.preview(shown), "at": documents.instant(at)})
    return context.write(work, body=body)


@router.delete("/{subscription_id}/addons/{addon}")
def drop_addon(subscription_id: str, addon: str, context: SecretContext, when: When = When.NOW) -> JSONResponse:
    """Take an add-on off: now, with its unused time given back, or when the period ends."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        return _changed(unit, context, remove_addon(unit, subscription_id, addon, now=context.now, when=when))

    return context.write(work, body=Removal(when=when))


@router.get("/{subscription_id}/scheduled")
def scheduled(subscription_id: str, context: SecretContext) -> dict[str, Any]:
    """What is set to happen later, soonest first."""
    with context.view() as unit:
        return documents.page(documents.scheduled(SubscriptionStore(unit).get(subscription_id)), None)


@router.delete("/{subscription_id}/scheduled")
def unschedule(subscription_id: str, context: SecretContext, position: int | None = None) -> JSONResponse:
    """Take back what is scheduled: the step at `position`, or all of it."""
    return context.write(
        lambda unit: _shown(unit, cancel_scheduled(unit, subscription_id, now=context.now, position=position)),
        body={"position": position},
    )


@router.post("/{subscription_id}/quotes", status_code=201)
def quote(subscription_id: str, body: Change, context: SecretContext) -> JSONResponse:
    """Promise the price of a change for a while."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        life = quote_life_of(context.services.settings)
        return documents.quote(
            quote_change(unit, subscription_id, body.wanted, now=context.now, life=life, seats=body.seats)
        )

    return context.write(work, body=body, status=201)


@router.post("/{subscription_id}/pause")
def pause(subscription_id: str, body: Pause, context: SecretContext) -> JSONResponse:
    """Pause: nothing is charged and nothing may be used until it is resumed."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        if body.when is When.NOW:
            pause_now(unit, subscription_id, now=context.now, credit=body.credit, resume_at=body.resume_at)
        elif body.credit:
            raise InvalidError("at the period's end no time is left to give back", field="credit")
        else:
            pause_at_period_end(unit, subscription_id, now=context.now, resume_at=body.resume_at)
        return _billed(unit, context, subscription_id)

    return context.write(work, body=body)


@router.post("/{subscription_id}/resume")
def resume_paused(subscription_id: str, context: SecretContext, body: Resume | None = None) -> JSONResponse:
    """End a pause; new periods begin there."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        resume(unit, subscription_id, now=context.now, at=None if body is None else body.at)
        return _billed(unit, context, subscription_id)

    return context.write(work, body=body)


@router.post("/{subscription_id}/cancel")
def cancel(subscription_id: str, context: SecretContext, body: Cancel | None = None) -> JSONResponse:
    """End it: when the paid period is over unless told otherwise."""
    asked = body or Cancel()

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        if asked.credit and asked.when is not When.NOW:
            raise InvalidError("time is given back when a subscription ends now", field="credit")
        if asked.when is When.NOW:
            cancel_now(unit, subscription_id, now=context.now, credit=asked.credit, reason=asked.reason)
        elif isinstance(asked.when, When):
            cancel_at_period_end(unit, subscription_id, now=context.now, reason=asked.reason)
        else:
            cancel_at(unit, subscription_id, asked.when, now=context.now, reason=asked.reason)
        return _billed(unit, context, subscription_id)

    return context.write(work, body=body)


@router.post("/{subscription_id}/uncancel")
def keep(subscription_id: str, context: SecretContext) -> JSONResponse:
    """Take a cancellation back before it has happened."""

    def work(unit: Unit) -> dict[str, Any]:
        _bill(unit, context, subscription_id)
        return _shown(unit, uncancel(unit, subscription_id, now=context.now))

    return context.write(work)


class PricingFacts(BaseModel):
    """What prices by rule may depend on: segments, place, the least that was promised a period, and the arm of each experiment."""

    segments: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default_factory=list, max_length=100)
    country: str = Field(default="", max_length=60)
    region: str = Field(default="", max_length=60)
    committed: Decimal | None = Field(default=None, ge=0, le=10**12)
    experiments: dict[str, Annotated[str, Field(max_length=100)]] = Field(default_factory=dict, max_length=50)
    zone: str = Field(default="UTC", max_length=60)


@router.put("/{subscription_id}/pricing-facts")
def put_pricing_facts(subscription_id: str, body: PricingFacts, context: SecretContext) -> JSONResponse:
    """Set what the prices of this subscription may depend on; they follow from the next fees and the next rating of usage on."""
    zone_of(body.zone)
    facts = PricingContext(
        segments=frozenset(body.segments),
        country=body.country,
        region=body.region,
        committed=body.committed,
        arms=body.experiments,
        zone=body.zone,
    )
    return context.write(lambda unit: _shown(unit, set_facts(unit, subscription_id, facts, now=context.now)), body=body)


@router.get("/{subscription_id}/upcoming-invoice")
def upcoming_invoice(subscription_id: str, context: SecretContext) -> dict[str, Any]:
    """What the next invoice would say with the usage so far."""
    with context.view() as unit:
        invoice = upcoming(unit, subscription_id)
        if invoice is None:
            raise NotFoundError("nothing will be billed for this subscription", subscription=subscription_id[:60])
        key = CustomerStore(unit).by_ids([invoice.customer_id])[invoice.customer_id].key
    return documents.invoice(invoice, key)


def _changed(unit: Unit, context: Context, changed: Changed) -> dict[str, Any]:
    shown = _billed(unit, context, changed.subscription.id) if changed.due else _shown(unit, changed.subscription)
    return {**shown, "lines": [dict(line) for line in changed.lines], "total": documents.money(changed.total)}


def _billed(unit: Unit, context: Context, subscription_id: str) -> dict[str, Any]:
    """The subscription once what is due of it has been billed."""
    _bill(unit, context, subscription_id)
    return _shown(unit, SubscriptionStore(unit).get(subscription_id))


def _bill(unit: Unit, context: Context, subscription_id: str) -> None:
    bill_subscription(unit, subscription_id, now=context.now, grace=grace_of(context.services.settings))


def _shown(unit: Unit, subscription: Subscription) -> dict[str, Any]:
    key = CustomerStore(unit).by_ids([subscription.customer_id])[subscription.customer_id].key
    return documents.subscription(subscription, key)
