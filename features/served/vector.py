"""A served vector as exact text, which of them are kept, and where two vectors differ. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

PER_MILLION: Final = 1_000_000
Number = int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The features an answer used: of whom, as of when, by which definitions (`spec_hash`), and the values in order of `names`."""

    id: str
    customer_id: str
    surface: str
    as_of: datetime
    served_at: datetime
    spec_hash: str
    names: tuple[str, ...]
    values: tuple[Number, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A value that is not what it was: `served` when the answer was given, `now` computed again as of then."""

    vector_id: str
    surface: str
    name: str
    served: str
    now: str


def is_kept(customer_id: str, as_of: datetime, share_ppm: int) -> bool:
    """Whether this answer's vector is kept: decided by a hash, so that no answer is favoured and repeats agree.

    >>> from datetime import UTC, datetime
    >>> moment = datetime(2026, 1, 1, tzinfo=UTC)
    >>> is_kept("cus_1", moment, 0), is_kept("cus_1", moment, PER_MILLION)
    (False, True)
    """
    digest = hashlib.sha256(f"{customer_id}\x1f{as_of.isoformat()}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % PER_MILLION < share_ppm


def encode(value: Number) -> str:
    """The value as text that loses nothing: an integer's digits, or a float's bits in hexadecimal.

    >>> encode(2**62), encode(0.1), decode(encode(0.1))
    ('4611686018427387904', '0x1.999999999999ap-4', 0.1)
    """
    return str(value) if isinstance(value, int) else value.hex()


def decode(text: str) -> Number:
    """The value of a text that `encode` wrote."""
    return float.fromhex(text) if "x" in text or "n" in text else int(text)


def differences(served: Served, now: Mapping[str, Number]) -> list[Difference]:
    """Each name whose value is not the same to the last bit; a view that is gone differs too."""
    found = []
    for name, value in zip(served.names, served.values, strict=True):
        again = encode(now[name]) if name in now else "gone"
        if encode(value) != again:
            found.append(
                Difference(vector_id=served.id, surface=served.surface, name=name, served=encode(value), now=again)
            )
    return found


def spread(ids: Sequence[str], most: int) -> list[str]:
    """At most so many of the ids, evenly over their order: the same ones whenever it is asked.

    >>> spread(["a", "b", "c", "d"], 2)
    ['a', 'c']
    """
    if len(ids) <= most:
        return list(ids)
    return [ids[place * len(ids) // most] for place in range(most)]
