"""Saving and choosing payment methods; a customer who gives another one is tried at once for what is past due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.payments.attempt import Method, MethodNotFoundError
from billing.payments.collection_store import DunningStore, MethodStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.payments.provider import Attached, PaymentProvider


def attach(database: Database, scope: Scope, provider: PaymentProvider, customer_key: str, token: str) -> Attached:
    """Ask the provider to keep a method, under the account it has of the customer. Holds no transaction; asking twice is harmless."""
    with database.view(scope) as unit:
        customer = CustomerStore(unit).get(customer_key)
        account = MethodStore(unit).account_of(customer.id, provider.name)
    return provider.attach(customer=customer.id, account=account, token=token)


def save_method(
    unit: Unit, customer_key: str, attached: Attached, *, provider: str, now: datetime, default: bool = True
) -> Method:
    """Store a method that the provider keeps. The first one is the default; one that is stored already is answered as it is."""
    customer = CustomerStore(unit).lock(customer_key)
    store = MethodStore(unit)
    present = store.of_customer(customer.id)
    for each in present:
        if (each.provider, each.token) == (provider, attached.token):
            return choose_method(unit, each.id, now=now) if default else each
    method = Method(
        id=new_id("pm"),
        customer_id=customer.id,
        provider=provider,
        token=attached.token,
        account=attached.account,
        label=attached.label,
        is_default=default or not present,
        added_at=now,
    )
    store.add(method)
    if method.is_default:
        _try_again(unit, method, now)
    return method


def choose_method(unit: Unit, method_id: str, *, now: datetime) -> Method:
    """Charge this one from now on."""
    store = MethodStore(unit)
    method = store.get(method_id)
    if method.removed_at is not None:
        raise MethodNotFoundError("this payment method was removed", method=method_id[:60])
    if not method.is_default:
        store.make_default(method)
        _try_again(unit, method, now)
    return store.get(method_id)


def remove_method(unit: Unit, method_id: str, *, now: datetime) -> None:
    """Charge this one no more; another one takes its place only when it is chosen."""
    store = MethodStore(unit)
    store.remove(store.get(method_id).id, now)


def _try_again(unit: Unit, method: Method, now: datetime) -> None:
    store = DunningStore(unit)
    for dunning in store.past_due_of_customer(method.customer_id):
        store.save(dunning.method_changed(method.id, now))
