"""The lines of a plan change: a credit for the unused part of each fee paid, then a debit for the rest of each new one.

Each line is rounded once from the whole fee, so a change there and back at one instant nets to zero, line by line.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.pricing.proration import Proration, change_shares
from billing.pricing.rated import Rated, TraceStep, share_step

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.kernel.period import Period
    from billing.pricing.quote import PricedLine


def switch_lines(
    old: Sequence[PricedLine],
    new: Sequence[PricedLine],
    whole: Period,
    at: datetime,
    *,
    zone: str = "UTC",
    policy: Proration = Proration.BY_SECOND,
) -> tuple[PricedLine, ...]:
    """Credits of `old` and debits of `new`, whole-period lines of fees billed in advance; empty where nothing is shared.

    With FULL_RESET the new lines keep the period they were priced for, since the cycle starts over.
    """
    credit_share, debit_share = change_shares(whole, at, zone=zone, policy=policy)
    rest = whole.since(at)
    credits_ = [_part(line, -credit_share, "Unused time on", rest) for line in old if credit_share]
    kept = policy is Proration.FULL_RESET
    debits = [
        _part(line, debit_share, "Remaining time on", line.period if kept else rest) for line in new if debit_share
    ]
    return (*credits_, *debits)


def _part(line: PricedLine, share: Fraction, words: str, period: Period | None) -> PricedLine:
    """The line for `share` of its fee; below zero the fee is taken back. The trace: the whole fee, then the part of it that counts."""
    if share == 1:
        return replace(line, period=period)
    sign, size = (-1, -share) if share < 0 else (1, share)
    whole = TraceStep(
        rule="fee",
        detail=f"{line.description}, whole period{', taken back' if sign < 0 else ''}",
        amount=sign * Fraction(line.amount.to_decimal()),
    )
    rated = Rated(currency=line.amount.currency, trace=(whole,))
    return replace(
        line,
        description=f"{words} {line.description}",
        unit_price=None,
        amount=line.amount.prorate(share),
        period=period,
        trace=rated.then([share_step(rated.exact, size)]).trace,
    )
