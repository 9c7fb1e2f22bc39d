"""Typed ids: a short prefix that says what it names, then 26 characters that sort by the time they were made.

The body is 48 bits of milliseconds and 80 random bits in Crockford's base 32 (the ULID layout), so ids are unguessable enough to show
and local enough to index.
"""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BODY_LENGTH = 26


def new_id(prefix: str) -> str:
    """A fresh id such as `cus_01jb...`; unique without asking anyone."""
    value = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(80)
    return f"{prefix}_{_encode(value)}"


def is_id(text: str, prefix: str) -> bool:
    """Whether `text` has the shape of an id with this prefix.

    >>> is_id(new_id("cus"), "cus"), is_id("cus_1", "cus"), is_id(new_id("sub"), "cus")
    (True, False, False)
    """
    head, _, body = text.partition("_")
    return head == prefix and len(body) == BODY_LENGTH and all(character in _ALPHABET for character in body)


def _encode(value: int) -> str:
    digits = []
    for _ in range(BODY_LENGTH):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
