"""The queries over customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select

from billing.customers.customer import Customer, CustomerNotFoundError
from billing.customers.tables import CustomerRow
from billing.db.changes import changed
from billing.db.upsert import insert_new_silently
from billing.kernel.ids import new_id
from billing.kernel.page import Page, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit

_BATCH = 500
_CONSENTS = select(CustomerRow.id, CustomerRow.consents).where(CustomerRow.id.in_(bindparam("ids", expanding=True)))


class CustomerStore:
    """Reads and writes the customers of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, customer: Customer) -> None:
        """A new customer; a key that is taken is a conflict."""
        self._session.add(_to_row(customer))
        self._session.flush()

    def update(self, customer: Customer) -> None:
        """Replace what is known of a customer, by id."""
        row = self._session.scalars(select(CustomerRow).where(CustomerRow.id == customer.id)).one()
        row.name, row.email, row.country = customer.name, customer.email, customer.country
        row.zone, row.consents = customer.zone, list(customer.consents)
        row.address, row.region = dict(customer.address), customer.region
        row.tax_id, row.is_business = customer.tax_id, customer.is_business
        self._session.flush()
        changed(self._session, [customer.id])

    def erase(self, customer_id: str, key: str) -> None:
        """Leave nothing of a customer but the id, under a key that names nobody."""
        row = self._session.scalars(select(CustomerRow).where(CustomerRow.id == customer_id)).one()
        row.key, row.name, row.email, row.country, row.region, row.tax_id = key, "", "", "", "", ""
        row.zone, row.address, row.consents = "UTC", {}, []
        self._session.flush()
        changed(self._session, [customer_id])

    def find(self, key: str) -> Customer | None:
        """The customer with this key or id."""
        row = self._session.scalar(
            select(CustomerRow)
            .where((CustomerRow.key == key) | (CustomerRow.id == key))
            .order_by(CustomerRow.key != key)
        )
        return None if row is None else _from_row(row)

    def get(self, key: str) -> Customer:
        """The customer with this key or id; an error that names it otherwise."""
        customer = self.find(key)
        if customer is None:
            raise CustomerNotFoundError(f"there is no customer {key[:60]!r}", customer=key[:200])
        return customer

    def lock(self, key: str) -> Customer:
        """The same, to decide about what they have: others who lock this customer wait until this unit of work ends."""
        customer = self.get(key)
        query = select(CustomerRow.id).where(CustomerRow.id == customer.id)
        self._session.scalar(query.with_for_update(key_share=True))  # rows that point at the customer need not wait
        return customer

    def lock_many(self, ids: Iterable[str]) -> None:
        """The same for many, by id, in an order that cannot make two wait for each other."""
        query = select(CustomerRow.id).where(CustomerRow.id.in_(sorted(set(ids)))).order_by(CustomerRow.id)
        self._session.execute(query.with_for_update(key_share=True)).all()

    def by_ids(self, ids: Iterable[str]) -> dict[str, Customer]:
        """Customers by id."""
        wanted = sorted(set(ids))
        found: dict[str, Customer] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            rows = self._session.scalars(select(CustomerRow).where(CustomerRow.id.in_(batch)))
            found.update((row.id, _from_row(row)) for row in rows)
        return found

    def consents_of(self, ids: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """What each of these customers (by id) agreed to; those that are not there are left out."""
        rows = self._session.execute(_CONSENTS, {"ids": sorted(set(ids))})
        return {row.id: tuple(row.consents) for row in rows}

    def ids_by_key(self, keys: Iterable[str]) -> dict[str, str]:
        """The id of each key that exists."""
        wanted = sorted(set(keys))
        found: dict[str, str] = {}
        for start in range(0, len(wanted), _BATCH):
            batch = wanted[start : start + _BATCH]
            rows = self._session.execute(select(CustomerRow.key, CustomerRow.id).where(CustomerRow.key.in_(batch)))
            found.update((row.key, row.id) for row in rows)
        return found

    def ensure(
        self, keys: Iterable[str], created_at: datetime, country_of: dict[str, str] | None = None
    ) -> dict[str, str]:
        """The id of every key, making plain customers of those that are new."""
        wanted = sorted(set(keys))
        found = self.ids_by_key(wanted)
        fresh = [
            Customer(id=new_id("cus"), key=key, created_at=created_at, country=(country_of or {}).get(key, ""))
            for key in wanted
            if key not in found
        ]
        insert_new_silently(self._session, CustomerRow, [_values(customer) for customer in fresh])
        found.update(self.ids_by_key(customer.key for customer in fresh))  # somebody else may have been first
        return found

    def page(self, *, limit: int, cursor: str | None = None, prefix: str = "") -> Page[Customer]:
        """Customers in order of key, optionally those whose key or name starts with `prefix`."""
        query = select(CustomerRow).order_by(CustomerRow.key).limit(limit + 1)
        if cursor is not None:
            query = query.where(CustomerRow.key > decode_cursor(cursor))
        if prefix:
            query = query.where(
                CustomerRow.key.startswith(prefix, autoescape=True)
                | CustomerRow.name.istartswith(prefix, autoescape=True)
            )
        items = [_from_row(row) for row in self._session.scalars(query)]
        more = len(items) > limit
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].key) if more else None)

    def keys(self) -> list[str]:
        """The key of every customer, in order."""
        return list(self._session.scalars(select(CustomerRow.key).order_by(CustomerRow.key)))

    def starts(self) -> Select[str, datetime]:
        """A part of a query for other stores: `customer_id` and since when they are a customer, as `started_at`."""
        return select(CustomerRow.id.label("customer_id"), CustomerRow.created_at.label("started_at"))

    def count(self) -> int:
        """How many customers there are."""
        return self._session.scalar(select(func.count()).select_from(CustomerRow)) or 0


def _to_row(customer: Customer) -> CustomerRow:
    return CustomerRow(**_values(customer))


def _values(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "key": customer.key,
        "name": customer.name,
        "email": customer.email,
        "country": customer.country,
        "zone": customer.zone,
        "consents": list(customer.consents),
        "address": dict(customer.address),
        "region": customer.region,
        "tax_id": customer.tax_id,
        "is_business": customer.is_business,
        "created_at": customer.created_at,
    }


def _from_row(row: CustomerRow) -> Customer:
    return Customer(
        id=row.id,
        key=row.key,
        name=row.name,
        email=row.email,
        country=row.country,
        zone=row.zone,
        consents=tuple(row.consents),
        address=dict(row.address),
        region=row.region or "",
        tax_id=row.tax_id or "",
        is_business=row.is_business,
        created_at=row.created_at,
    )
