"""Reads single fields of terms documents: strict, bounded, every error naming the field by its path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar

from billing.kernel.errors import InvalidError

MOST_CHARGES = 100
MOST_AMOUNTS = 50
_PLAIN_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,12})?", re.ASCII)
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.: -]{0,99}", re.ASCII)
E = TypeVar("E", bound=Enum)


class TermsError(InvalidError):
    """Terms that cannot be read or contradict themselves; the fact `field` says where."""

    code = "invalid_terms"


def reject_unknown(document: object, known: set[str], path: str) -> None:
    """Refuse what is no object, or has a field that nobody would read."""
    if not isinstance(document, Mapping):
        raise TermsError(f"{path.rstrip('.') or 'this'} is an object", field=path.rstrip("."))
    unknown = sorted(str(name)[:60] for name in document.keys() - known)
    if unknown:
        raise TermsError(
            f"the field {unknown[0]!r} is not known here; known are {', '.join(sorted(known))}",
            field=f"{path}{unknown[0]}",
        )


def count(document: Mapping[str, Any], name: str, *, default: int, least: int, most: int, path: str = "") -> int:
    """A whole number from `least` to `most`."""
    raw = document.get(name, default)
    if isinstance(raw, bool) or not isinstance(raw, int) or not least <= raw <= most:
        raise TermsError(f"{name} is a whole number from {least} to {most}", field=f"{path}{name}")
    return raw


def flag(document: Mapping[str, Any], name: str, *, path: str = "") -> bool:
    """True or false; false where it is absent."""
    raw = document.get(name, False)
    if not isinstance(raw, bool):
        raise TermsError(f"{name} is true or false", field=f"{path}{name}")
    return raw


def key(document: Mapping[str, Any], name: str, *, default: str, path: str = "") -> str:
    """A short name of letters, digits and `_.: -`."""
    raw = document.get(name, default)
    if not isinstance(raw, str) or not _KEY.fullmatch(raw):
        raise TermsError(f"{name} is a name of 1 to 100 letters, digits and _.:-", field=f"{path}{name}")
    return raw


def choice(document: Mapping[str, Any], name: str, default: E, *, path: str = "") -> E:
    """One value of the default's enumeration."""
    raw = document.get(name, default.value)
    known = [each.value for each in type(default)]
    if not isinstance(raw, str) or raw not in known:
        raise TermsError(f"{name} is one of {', '.join(known)}", field=f"{path}{name}")
    return type(default)(raw)


def amount(document: Mapping[str, Any], name: str, path: str = "") -> Decimal | None:
    """A decimal of zero or more from a string of digits, or None where it is absent or null."""
    return None if document.get(name) is None else _decimal(document[name], name, f"{path}{name}")


def amounts(document: Mapping[str, Any], name: str, path: str = "") -> tuple[Decimal, ...]:
    """A list of such decimals."""
    raw = document.get(name) or []
    if not isinstance(raw, list | tuple) or len(raw) > MOST_AMOUNTS:
        raise TermsError(f"{name} is a list of at most {MOST_AMOUNTS} amounts", field=f"{path}{name}")
    return tuple(_decimal(each, name, f"{path}{name}.{place}") for place, each in enumerate(raw))


def documents(
    document: Mapping[str, Any], name: str, *, most: int = MOST_CHARGES, path: str = ""
) -> tuple[Mapping[str, Any], ...]:
    """A list of objects."""
    raw = document.get(name) or []
    if not isinstance(raw, list | tuple) or len(raw) > most or not all(isinstance(each, Mapping) for each in raw):
        raise TermsError(f"{name} is a list of at most {most} objects", field=f"{path}{name}")
    return tuple(raw)


def _decimal(raw: object, name: str, path: str) -> Decimal:
    if not isinstance(raw, str) or not _PLAIN_NUMBER.fullmatch(raw):
        raise TermsError(f'{name} is a decimal written as a string of digits, such as "10.50"', field=path)
    return Decimal(raw)
