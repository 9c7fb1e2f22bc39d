"""Movements: the history of a wallet, of which every stored balance is a fold. Amounts are signed; what adds to the wallet is positive.

A movement without a grant moves the overdraft. Repaid and rolled movements come in pairs that sum to zero: they change where the money
stands in the wallet and not how much there is, so the books are not told of them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.kernel.money import Money


class MovementKind(Enum):
    """What happened."""

    GRANTED = "granted"
    TOPPED_UP = "topped_up"
    BURNED = "burned"
    RETURNED = "returned"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REPAID = "repaid"  # an overdraft, by a grant
    ROLLED = "rolled"  # from one period's grant into the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One fact, named by `key` once and for all. `id` is empty until it is stored."""

    key: str
    kind: MovementKind
    grant_id: str | None
    amount: Money
    at: datetime
    invoice_id: str | None = None
    id: str = ""


def folded(movements: Iterable[Movement]) -> dict[str | None, int]:
    """What the history leaves, in minor units by grant; under None the overdraft, zero or below."""
    sums: dict[str | None, int] = defaultdict(int)
    for movement in movements:
        sums[movement.grant_id] += movement.amount.amount_minor
    return dict(sums)
