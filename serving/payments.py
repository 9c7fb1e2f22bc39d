"""Which provider takes a tenant's money, and by which rules it is asked for: from the settings to the use cases of billing.

Test tenants have the sandbox. Live tenants have Stripe where the installation has a key for it, else their customers pay by hand.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from billing.db.scope import Scope
from billing.kernel.errors import ConflictError
from billing.payments.collect import CollectReport, run_payments
from billing.payments.collection_store import DunningStore
from billing.payments.dunning import keeps_access
from billing.payments.provider import UnknownProviderError
from billing.payments.recover import IN_FLIGHT
from billing.payments.sandbox.provider import NAME as SANDBOX
from billing.payments.sandbox.provider import SandboxProvider
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from serving.dunning import policy_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from billing.db.session import Unit
    from billing.payments.provider import PaymentProvider
    from billing.tenants.tenant import Tenant
    from serving.settings import Settings
    from serving.wiring import Services

STRIPE = "stripe"


class NoProviderError(ConflictError):
    """Nobody takes payments for this tenant."""

    code = "no_payment_provider"


def provider_of(services: Services, tenant: Tenant) -> PaymentProvider | None:
    """Who takes this tenant's money; None when nobody does."""
    if tenant.mode is Mode.TEST:
        return _sandbox(services, tenant.id)
    return _stripe(services.settings) if services.settings.stripe_key.get_secret_value() else None


def needed_provider(services: Services, tenant: Tenant) -> PaymentProvider:
    """The same; NoProviderError when nobody does."""
    found = provider_of(services, tenant)
    if found is None:
        raise NoProviderError("no payment provider is set up; set UPTIER_STRIPE_KEY, or record payments by hand")
    return found


def provider_named(services: Services, name: str, tenant_id: str) -> PaymentProvider:
    """Whose messages are read under a name. Raises UnknownProviderError."""
    if name == SANDBOX:
        return _sandbox(services, tenant_id)
    if name == STRIPE and services.settings.stripe_webhook_secret.get_secret_value():
        return _stripe(services.settings)
    raise UnknownProviderError("this installation has no such payment provider", provider=name[:60])


def collect_for(services: Services, scope: Scope, *, now: datetime) -> CollectReport:
    """The worker's step for a tenant: settle what was left open, collect what is due; nothing when nobody takes its money.

    A test clock may stand still, so nothing there is waited for.
    """
    with services.database.view(scope) as unit:
        tenant = TenantStore(unit).find(scope.tenant_id)
    provider = None if tenant is None else provider_of(services, tenant)
    if tenant is None or provider is None:
        return CollectReport()
    waits = IN_FLIGHT if tenant.frozen_at is None else timedelta()
    return run_payments(
        services.database,
        scope,
        provider,
        now=now,
        policy=policy_of(services.settings),
        older_than=waits,
    )


def payments_due(unit: Unit, after: datetime) -> datetime | None:
    """When collecting next has something to do that is known by now: an attempt by the calendar, or an invoice to give up."""
    return DunningStore(unit).next_due(after)


def overdue_reader(services: Services, unit: Unit, now: datetime) -> Callable[[Collection[str]], set[str]]:
    """Which of some customers (by id) have an invoice that is unpaid for longer than the grace on their access."""
    grace = policy_of(services.settings).grace

    def overdue(customer_ids: Collection[str]) -> set[str]:
        late = DunningStore(unit).past_due_of(customer_ids)
        return {customer for customer, dunning in late.items() if not keeps_access(dunning, grace, now)}

    return overdue


def _sandbox(services: Services, tenant_id: str) -> SandboxProvider:
    secret = hmac.new(services.secret, f"sandbox-messages:{tenant_id}".encode(), hashlib.sha256).hexdigest()
    return SandboxProvider(services.database, Scope(tenant_id), secret=secret.encode())


def _stripe(settings: Settings) -> PaymentProvider:
    return _stripe_account(
        settings.stripe_key.get_secret_value() or "sk_none",  # messages are read without one
        settings.stripe_webhook_secret.get_secret_value(),
        settings.stripe_address,
    )


@cache
def _stripe_account(key: str, webhook_secret: str, address: str) -> PaymentProvider:
    """One client for all threads, which keeps its connections."""
    from billing.payments.stripe_provider import StripeProvider  # noqa: PLC0415 (half a second, for who has Stripe)

    return StripeProvider(key=key, webhook_secret=webhook_secret, address=address)
