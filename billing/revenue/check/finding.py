"""What a check of the books finds: something that cannot be, said so that a person can look it up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.db.session import Unit

if TYPE_CHECKING:
    from billing.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that does not hold: a stable `code`, a sentence, whom it is about, and the amounts that should agree, by what they are."""

    code: str
    sentence: str
    ids: tuple[str, ...] = ()
    amounts: Mapping[str, Money] = field(default_factory=dict)


Check = Callable[[Unit], Iterator[Finding]]
"""Looks through the rows of one tenant, in bounded memory, and yields what does not hold."""
