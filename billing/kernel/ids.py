"""Typed ids: a short prefix that says what it names, then 26 characters that sort by the time they were made.

The body is 48 bits of milliseconds and 80 random bits in Crockford's base 32 (the ULID layout), so ids are unguessable enough to show
and local enough to index. Within one process they never go back: of two made in the same millisecond the second is larger by a random step,
so order of making is order of sorting.
"""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
BODY_LENGTH = 26


class _Sequence:
    """The last value given out, so that the next one is larger."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def next(self) -> int:
        fresh = (time.time_ns() // 1_000_000 << 80) | secrets.randbits(79)
        with self._lock:
            self._last = fresh if fresh >> 80 > self._last >> 80 else self._last + 1 + secrets.randbits(48)
            return self._last


_SEQUENCE = _Sequence()


def new_id(prefix: str) -> str:
    """A fresh id such as `cus_01jb...`; unique without asking anyone, and larger than every earlier one of this process."""
    return f"{prefix}_{_encode(_SEQUENCE.next())}"


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
