"""A customer's place among ten thousand, computed where the rows are: the same number on every engine as the hash that holdouts are cut by.

The first eight bytes (big-endian) of the SHA-256 over parts joined by the unit separator, modulo 10,000. PostgreSQL has the hash and adds
up the bytes; SQLite is taught the function.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import cast, func, literal
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger, LargeBinary, String

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from billing.db.scope import ScopedSession

BUCKETS: Final = 10_000
_BETWEEN: Final = "\x1f"
_FUNCTION: Final = "uptier_bucket"


def bucket_of(session: ScopedSession, *parts: Any) -> ColumnElement[int]:
    """An expression for the bucket of `parts`: texts, or columns of texts."""
    joined: Any = None
    for part in parts:
        column = literal(part, String()) if isinstance(part, str) else part
        joined = column if joined is None else joined.concat(_BETWEEN).concat(column)
    if session.get_bind().dialect.name == "sqlite":
        driver: Any = Session.connection(session).connection.driver_connection
        driver.create_function(_FUNCTION, 1, bucket, deterministic=True)
        return func.uptier_bucket(joined, type_=BigInteger())
    digest = func.sha256(func.convert_to(joined, "UTF8"), type_=LargeBinary())
    weighted = [cast(func.get_byte(digest, place), BigInteger()) * (256 ** (7 - place) % BUCKETS) for place in range(8)]
    total = weighted[0]
    for each in weighted[1:]:
        total += each
    found: Any = total % BUCKETS
    return found  # type: ignore[no-any-return] # (operators of SQL expressions are untyped)


def bucket(text: str) -> int:
    """The bucket of parts that were joined already.

    >>> bucket(_BETWEEN.join(["ten_1", "cus_1", "holdout-1"]))
    1389
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % BUCKETS
