"""How a feature binds: what happens beyond its limit, and what is answered when nothing about it can be read."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.catalog.terms_fields import amount, choice, reject_unknown
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTHING = Decimal(0)
MOST_GRACE = Decimal(10**15)


class Overflow(Enum):
    """What happens beyond a limit: nothing more, a stated number of units more, or more without end (billed or reported)."""

    HARD = "hard"
    GRACE = "grace"
    SOFT = "soft"


class Failure(Enum):
    """What a feature answers when its data cannot be read."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a feature binds: `grace` units beyond a limit that ends in grace, and the answer when nothing can be read."""

    overflow: Overflow = Overflow.HARD
    grace: Decimal = NOTHING
    on_failure: Failure = Failure.CLOSED

    def __post_init__(self) -> None:
        if not 0 <= self.grace <= MOST_GRACE:
            raise InvalidError(f"grace is from 0 to {MOST_GRACE:f}", grace=str(self.grace))
        if bool(self.grace) is not (self.overflow is Overflow.GRACE):
            raise InvalidError(
                "a limit that ends in grace has units of grace, and no other has", overflow=self.overflow.value
            )

    @property
    def most_beyond(self) -> Decimal | None:
        """Units that may be used beyond the limit; None for any number."""
        return None if self.overflow is Overflow.SOFT else self.grace

    def to_document(self) -> dict[str, Any]:
        """What `parse_feature_terms` reads back to equal terms."""
        return {
            "overflow": self.overflow.value,
            "grace": f"{self.grace:f}",
            "on_failure": self.on_failure.value,
        }


HARD = Terms()
SOFT = Terms(overflow=Overflow.SOFT)


def parse_feature_terms(document: Mapping[str, Any]) -> Terms:
    """Terms from their document; a TermsError names the field that is unknown or wrong.

    >>> parse_feature_terms({"overflow": "grace", "grace": "5"}).most_beyond
    Decimal('5')
    """
    reject_unknown(document, {"overflow", "grace", "on_failure"}, "")
    return Terms(
        overflow=choice(document, "overflow", Overflow.HARD),
        grace=amount(document, "grace") or NOTHING,
        on_failure=choice(document, "on_failure", Failure.CLOSED),
    )
