"""Turns a unit and a seed into a number in [0, 1) that every client of the field computes alike: 32-bit FNV-1a over UTF-16 code units.

Version 2 hashes twice, so that experiments with similar names assign independently; version 1 exists for namespaces, whose rule is older,
and is not independent between seeds: never assign arms by it. Source: the GrowthBook SDK specification.
"""

from __future__ import annotations

from typing import Final

_OFFSET: Final = 0x811C9DC5
_PRIME: Final = 0x01000193
_MASK: Final = 0xFFFFFFFF


class HashVersionError(ValueError):
    """There are versions 1 and 2."""


def fnv1a32(text: str) -> int:
    """The 32-bit FNV-1a of the text's UTF-16 code units, as JavaScript computes it; a unit above 255 is mixed in whole.

    >>> fnv1a32("a")
    3826002220
    """
    found = _OFFSET
    encoded = text.encode("utf-16-le", errors="surrogatepass")
    for low, high in zip(encoded[::2], encoded[1::2], strict=True):
        found = ((found ^ (low | high << 8)) * _PRIME) & _MASK
    return found


def fraction(seed: str, value: str, version: int = 2) -> float:
    """Where `value` falls for `seed`, in [0, 1): ten thousand steps in version 2, a thousand in version 1.

    >>> fraction("foo", "ab"), fraction("ef", "d", version=1), fraction("exp", "ümlaut")
    (0.2575, 0.652, 0.3121)
    """
    if version == 2:
        return fnv1a32(str(fnv1a32(seed + value))) % 10_000 / 10_000
    if version == 1:
        return fnv1a32(value + seed) % 1_000 / 1_000
    raise HashVersionError(f"there is no hash of version {version}; there are 1 and 2")
