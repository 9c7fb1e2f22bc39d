"""The queries over products."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.catalog.item import Product
from billing.catalog.products.tables import ProductRow
from billing.db.upsert import insert_new_silently
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from billing.db.session import Unit

_BATCH = 500


class ProductStore:
    """Reads and writes the products of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def put(self, products: Iterable[Product]) -> None:
        """Add products or replace those of the same key; from then on the catalogue owns their names and prices."""
        self._write({product.key: _columns(product, None) for product in products})

    def note(self, seen: Mapping[str, tuple[Product, datetime]]) -> None:
        """Make products that appear in purchases, and let those that only purchases know follow the latest one."""
        known = self._rows(seen)
        wanted: dict[str, dict[str, object]] = {}
        for key, (product, at) in seen.items():
            row = known.get(key)
            if row is None:
                wanted[key] = _columns(product, at)
            elif row.seen_at is not None and at >= row.seen_at:
                followed = replace(product, name=product.name or row.name, added_at=min(product.added_at, row.added_at))
                wanted[key] = _columns(followed, at)
            elif row.seen_at is not None and product.added_at < row.added_at:
                wanted[key] = {**_columns(_product(row), row.seen_at), "added_at": product.added_at}
        self._write(wanted)

    def _write(self, wanted: Mapping[str, dict[str, object]]) -> None:
        rows = self._rows(wanted)
        for key, row in rows.items():
            for column, value in wanted[key].items():
                setattr(row, column, value)
        self._session.flush()
        insert_new_silently(self._session, ProductRow, [columns for key, columns in wanted.items() if key not in rows])

    def _rows(self, keys: Iterable[str]) -> dict[str, ProductRow]:
        wanted = sorted(set(keys))
        rows: dict[str, ProductRow] = {}
        for start in range(0, len(wanted), _BATCH):
            query = select(ProductRow).where(ProductRow.key.in_(wanted[start : start + _BATCH]))
            rows.update((row.key, row) for row in self._session.scalars(query))
        return rows

    def all(self) -> dict[str, Product]:
        """Every product by key."""
        return {row.key: _product(row) for row in self._session.scalars(select(ProductRow).order_by(ProductRow.key))}

    def by_keys(self, keys: Iterable[str]) -> dict[str, Product]:
        """Products by key."""
        wanted = sorted(set(keys))
        found: dict[str, Product] = {}
        for start in range(0, len(wanted), _BATCH):
            query = select(ProductRow).where(ProductRow.key.in_(wanted[start : start + _BATCH]))
            found.update((row.key, _product(row)) for row in self._session.scalars(query))
        return found

    def unsold(self) -> list[str]:
        """Keys of products that are not for sale now."""
        return list(self._session.scalars(select(ProductRow.key).where(ProductRow.buyable.is_(False))))

    def newest(self, blocked: set[str], limit: int) -> list[Product]:
        """The products added last, without those that must not be shown."""
        query = select(ProductRow).order_by(ProductRow.added_at.desc(), ProductRow.key).limit(limit + len(blocked))
        found = [_product(row) for row in self._session.scalars(query) if row.key not in blocked]
        return found[:limit]

    def page(self, *, limit: int, cursor: str | None = None) -> Page[Product]:
        """Products in order of key."""
        query = select(ProductRow).order_by(ProductRow.key).limit(limit + 1)
        if cursor is not None:
            query = query.where(ProductRow.key > decode_cursor(cursor))
        items = [_product(row) for row in self._session.scalars(query)]
        return Page(tuple(items[:limit]), encode_cursor(items[limit - 1].key) if len(items) > limit else None)


def _columns(product: Product, seen_at: datetime | None) -> dict[str, object]:
    return {
        "key": product.key,
        "name": product.name,
        "category": product.category,
        "price_minor": product.price.amount_minor,
        "cost_minor": None if product.cost is None else product.cost.amount_minor,
        "currency": product.price.currency,
        "buyable": product.buyable,
        "added_at": product.added_at,
        "seen_at": seen_at,
    }


def _product(row: ProductRow) -> Product:
    return Product(
        key=row.key,
        name=row.name,
        category=row.category,
        price=Money(row.price_minor, row.currency),
        cost=None if row.cost_minor is None else Money(row.cost_minor, row.currency),
        buyable=row.buyable,
        added_at=row.added_at,
    )
