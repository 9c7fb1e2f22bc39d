"""Cursor pages: a list is read in order of id, and the cursor is the last id seen, wrapped so that nobody builds one by hand."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Generic, TypeVar

from billing.kernel.errors import InvalidError

T = TypeVar("T")
MAX_PAGE = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and the cursor of the next page or None at the end."""

    items: tuple[T, ...]
    next_cursor: str | None


def encode_cursor(last: str) -> str:
    """The cursor that continues after `last`."""
    return base64.urlsafe_b64encode(last.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """The key a cursor continues after.

    >>> decode_cursor(encode_cursor("cus_1"))
    'cus_1'
    """
    try:
        return base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise InvalidError(
            "the cursor is not one this API gave out; start again without it", cursor=cursor[:40]
        ) from None


def page_size(limit: int | None) -> int:
    """The number of items to read: the asked limit, 50 unless told, never above 500."""
    if limit is None:
        return 50
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidError(f"limit is between 1 and {MAX_PAGE}", limit=limit)
    return limit
