"""From values to the JSON that the API answers with: one function a noun, so that a thing looks the same wherever it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.setting import said
from billing.kernel.clock import format_instant
from billing.kernel.money import Money, format_quantity
from billing.pricing.quote import money_document, period_document
from billing.pricing.ratecard import recurring_price

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.item import Feature, Meter, Product
    from billing.catalog.plan import PlanVersion
    from billing.customers.customer import Customer
    from billing.entitlements.access import Access
    from billing.invoices.invoice import Invoice
    from billing.metering.amended import StoredEvent
    from billing.metering.ingest import Receipt
    from billing.subscriptions.preview import ChangePreview
    from billing.subscriptions.subscription import Quote, Subscription
    from billing.tenants.tenant import Tenant
    from features.segments.store import Segment


def instant(moment: datetime | None) -> str | None:
    """An instant or null."""
    return None if moment is None else format_instant(moment)


def money(amount: Money | None) -> dict[str, str] | None:
    """An amount or null."""
    return None if amount is None else money_document(amount)


def page(items: list[Any], next_cursor: str | None) -> dict[str, Any]:
    """A page of a list."""
    return {"items": items, "next_cursor": next_cursor}


def tenant(value: Tenant) -> dict[str, Any]:
    """A tenant."""
    return {
        "id": value.id,
        "name": value.name,
        "currency": value.currency,
        "zone": value.zone,
        "mode": value.mode.value,
        "parent": value.parent_id,
        "created_at": instant(value.created_at),
    }


def customer(value: Customer) -> dict[str, Any]:
    """A customer."""
    return {
        "id": value.id,
        "key": value.key,
        "name": value.name,
        "email": value.email,
        "country": value.country,
        "zone": value.zone,
        "consents": list(value.consents),
        "address": dict(value.address),
        "region": value.region,
        "tax_id": value.tax_id,
        "is_business": value.is_business,
        "created_at": instant(value.created_at),
    }


def plan(value: PlanVersion) -> dict[str, Any]:
    """A plan or add-on in one version."""
    return {
        "key": value.plan_key,
        "name": value.plan_name,
        "kind": value.kind.value,
        "rank": value.rank,
        "version": value.number,
        "version_id": value.id,
        "currency": value.currency,
        "interval": value.interval,
        "interval_count": value.interval_count,
        "price": money(recurring_price(value.charges, value.currency)),
        "charges": [dict(charge) for charge in value.charges],
        "grants": {grant.feature: said(grant.value) for grant in value.grants},
        "requires": list(value.requires),
        "terms": value.terms.to_document(),
        "currencies": list(value.currencies),
        "published_at": instant(value.published_at),
    }


def meter(value: Meter) -> dict[str, Any]:
    """A meter."""
    return {
        "key": value.key,
        "name": value.name,
        "event_type": value.event_type,
        "aggregation": value.aggregation.value,
        "property": value.prop,
        "filters": {name: list(values) for name, values in value.filters.items()},
        "groups": list(value.groups),
        "operation": value.operation,
    }


def feature(value: Feature) -> dict[str, Any]:
    """A feature."""
    return {
        "key": value.key,
        "name": value.name,
        "kind": value.kind.value,
        "meter": value.meter_key,
        "terms": value.terms.to_document(),
        "default": None if value.default is None else value.default.value,
    }


def product(value: Product) -> dict[str, Any]:
    """A product of the shop."""
    return {
        "key": value.key,
        "name": value.name,
        "category": value.category,
        "price": money(value.price),
        "buyable": value.buyable,
        "added_at": instant(value.added_at),
    }


def receipt(value: Receipt) -> dict[str, Any]:
    """What became of a batch of events."""
    return {
        "accepted": value.accepted,
        "duplicates": value.duplicates,
        "rejected": [
            {"index": item.index, "id": item.id, "code": item.code, "detail": item.detail} for item in value.rejected
        ],
        "unmatched": value.unmatched,
    }


def event(value: StoredEvent) -> dict[str, Any]:
    """A usage event as it is kept."""
    return {
        "source": value.source,
        "id": value.id,
        "type": value.type,
        "time": instant(value.at),
        "received_at": instant(value.received_at),
        "data": dict(value.data),
        "amends": value.amends,
        "archived_at": instant(value.archived_at),
    }


def access(value: Access) -> dict[str, Any]:
    """A gate's answer."""
    return {
        "customer": value.customer,
        "feature": value.feature,
        "allowed": value.allowed,
        "reason": value.reason.value,
        "value": said(value.value),
        "sources": [{"kind": each.kind, "key": each.key} for each in value.sources],
        "limit": value.limit,
        "used": None if value.used is None else format_quantity(value.used),
        "held": None if value.held is None else format_quantity(value.held),
        "remaining": None if value.remaining is None else format_quantity(value.remaining),
        "resets_at": instant(value.resets_at),
        "as_of": instant(value.as_of),
        "unlock": [
            {unlock.kind: unlock.key, "name": unlock.name, "price": money(unlock.price)} for unlock in value.unlock
        ],
    }


def subscription(value: Subscription, customer_key: str) -> dict[str, Any]:
    """A subscription."""
    paid = value.cadence.period(value.billed_periods - 1) if value.billed_periods else None
    return {
        "id": value.id,
        "customer": customer_key,
        "plan": value.plan_key,
        "addons": [addon.plan_key for addon in value.addons],
        "version_id": value.version_id,
        "currency": value.currency,
        "status": value.status.value,
        "started_at": instant(value.started_at),
        "ends_at": instant(value.ends_at),
        "current_period": None if paid is None else period_document(paid),
        "seats": value.seats,
        "addon_seats": {addon.plan_key: addon.seats for addon in value.addons},
        "trial_ends_at": instant(value.trial_ends_at),
        "paused_at": instant(value.paused_at),
        "scheduled": scheduled(value),
        "zone": value.cadence.zone,
    }


def scheduled(value: Subscription) -> list[dict[str, Any]]:
    """What will happen to a subscription; `position` names a step to take it back."""
    return [
        {
            "position": position,
            "kind": step.kind.value,
            "at": instant(step.at),
            "target": step.target,
            "seats": step.seats,
        }
        for position, step in enumerate(value.scheduled)
    ]


def preview(value: ChangePreview) -> dict[str, Any]:
    """What a change would cost."""
    return {
        "target": value.version.plan_key,
        "lines": [line.to_document() for line in value.lines],
        "total": money(value.total),
        "recurring": money(value.recurring),
        "seats": value.seats,
        "effect": value.effect.value,
    }


def quote(value: Quote) -> dict[str, Any]:
    """A promised price."""
    return {
        "id": value.id,
        "target": value.target,
        "seats": value.seats,
        "lines": [dict(line) for line in value.lines],
        "total": money(value.total),
        "recurring": money(value.recurring),
        "quoted_at": instant(value.quoted_at),
        "expires_at": instant(value.expires_at),
    }


def invoice(value: Invoice, customer_key: str, versions: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An invoice with its lines; `versions` names the plan versions, where a reader wants to know."""
    return {
        "id": value.id,
        "number": value.number,
        "kind": value.kind.value,
        "customer": customer_key,
        "subscription": value.subscription_id,
        "status": value.status.value,
        "failure": value.failure,
        "currency": value.currency,
        "period": None if value.period is None else period_document(value.period),
        "created_at": instant(value.created_at),
        "closes_at": instant(value.closes_at),
        "issued_at": instant(value.issued_at),
        "due_at": instant(value.due_at),
        "paid_at": instant(value.paid_at),
        "net": money(value.net),
        "tax": money(value.tax),
        "total": money(value.total),
        "credit_applied": money(value.credit),
        "prepaid_applied": money(value.prepaid),
        "paid": money(value.paid),
        "credited": money(value.credited),
        "amount_due": money(value.amount_due),
        "summary": dict(value.summary),
        "lines": [
            {
                **line.document,
                "key": line.key,
                "kind": line.kind,
                "net": money(line.net),
                "tax": money(line.tax),
                "version_id": line.version_id,
                "version": (versions or {}).get(line.version_id),
                "quote_id": line.quote_id,
                "events": f"/v1/invoices/{value.id}/lines/{place}/events" if line.document.get("meter") else None,
            }
            for place, line in enumerate(value.lines, start=1)
        ],
    }


def segment(value: Segment) -> dict[str, Any]:
    """A segment."""
    return {
        "key": value.key,
        "name": value.name,
        "size": value.size,
        "profile": value.profile,
        "version": value.version,
        "as_of": instant(value.as_of),
    }
