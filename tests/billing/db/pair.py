"""Two tenants with the same kinds of rows, whose customers have different names: what one sees of the other is easy to spot."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing.customers.store import CustomerStore
from billing.db.scope import Scope
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.posting import Entry, Transaction
from billing.ledger.store import LedgerStore
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode

if TYPE_CHECKING:
    from billing.db.session import Database

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
OURS = ["ann", "bob"]
THEIRS = ["zak", "zed", "zoe"]


@dataclass(frozen=True, slots=True)
class Pair:
    """A database, our scope, and another's; `ids` are the customers' ids by key."""

    database: Database
    ours: Scope
    theirs: Scope
    ids: dict[str, str]


def open_pair(database: Database) -> Pair:
    """Ours has ann and bob, theirs zak, zed and zoe; each has one fact in its books."""
    ours, theirs = _open(database, "Ours"), _open(database, "Theirs")
    return Pair(database, ours, theirs, _fill(database, ours, OURS) | _fill(database, theirs, THEIRS))


def customer_row(**changed: Any) -> dict[str, Any]:
    """The columns of a customer but its tenant."""
    plain = {"id": "cus_new", "key": "new", "name": "", "email": "", "country": "", "zone": "UTC", "consents": []}
    return {**plain, "created_at": NOW, **changed}


def _open(database: Database, name: str) -> Scope:
    opened = open_tenant(database, name=name, currency="EUR", zone="UTC", mode=Mode.TEST, now=NOW)
    return Scope(opened.tenant.id)


def _fill(database: Database, scope: Scope, keys: list[str]) -> dict[str, str]:
    money = Money(100, "EUR")
    fact = (Entry(Account.RECEIVABLE, money), Entry(Account.REVENUE, -money))
    with database.unit(scope) as unit:
        ids = CustomerStore(unit).ensure(keys, NOW)
        LedgerStore(unit).append(Transaction("fact:1", NOW, "one fact", fact, ids[keys[0]]))
    return ids
