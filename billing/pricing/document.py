"""Reads the fields of a rate-card document strictly: every error names the field, and decimals come from strings only.

A JSON number is refused where a decimal is meant, since a reader on the way may already have turned it into a binary fraction.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from billing.kernel.money import parse_decimal
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

_PLAIN = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


class ChargeError(InvalidError):
    """A charge that cannot be read or cannot be sold as it stands; the fact `field` says where."""

    code = "invalid_charge"


def check_fields(document: Mapping[str, Any], *, required: set[str], optional: set[str] | None = None) -> None:
    """Refuse a document that lacks a required field or has one that nobody would read."""
    missing = sorted(required - document.keys())
    if missing:
        raise ChargeError(f"the field {missing[0]!r} is missing", field=missing[0])
    known = required | (optional or set())
    unknown = sorted(str(name)[:60] for name in document.keys() - known)
    if unknown:
        raise ChargeError(
            f"the field {unknown[0]!r} is not known here; known are {', '.join(sorted(known))}", field=unknown[0]
        )


def decimal_field(document: Mapping[str, Any], field: str) -> Decimal:
    """A decimal of zero or more, from a string of plain digits such as "0.10"."""
    raw = document[field]
    if not isinstance(raw, str) or not _PLAIN.fullmatch(raw):
        raise ChargeError(
            f'{field} is a decimal written as a string of digits, such as "0.10"', field=field, value=repr(raw)[:60]
        )
    value = parse_decimal(raw)
    if value < 0:
        raise ChargeError(f"{field} is zero or more", field=field, value=raw)
    return value


def optional_decimal_field(document: Mapping[str, Any], field: str) -> Decimal | None:
    """A decimal of zero or more, or None where the field is absent or null."""
    return None if document.get(field) is None else decimal_field(document, field)


def text_field(document: Mapping[str, Any], field: str, *, longest: int = 200) -> str:
    """A text of 1 to `longest` characters that is not blank."""
    raw = document[field]
    if not isinstance(raw, str) or not raw.strip() or len(raw) > longest or not is_storable(raw):
        raise ChargeError(f"{field} is a text of 1 to {longest} characters", field=field, value=repr(raw)[:60])
    return raw


def flag_field(document: Mapping[str, Any], field: str, *, default: bool) -> bool:
    """True or false; `default` where the field is absent."""
    raw = document.get(field, default)
    if not isinstance(raw, bool):
        raise ChargeError(f"{field} is true or false", field=field, value=repr(raw)[:60])
    return raw
