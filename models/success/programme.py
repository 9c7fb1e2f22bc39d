"""What every offer and the whole programme earned against the holdout: revenue, the same with its tails pulled in, and margin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from features.success.added import HELD_OUT, OFFERED
from models.experiments.inference.sums import Pairs
from models.experiments.inference.winsor import bounds
from models.success.incremental import estimate

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from numpy.typing import NDArray

    from features.success.added import Earned
    from models.success.figures import Figure
    from models.success.incremental import Estimate

TAIL: Final = 0.99
_BPS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One offer, or the programme of all, in one currency; minor units. `winsorised` is the revenue with its tails pulled in."""

    experiment: str
    currency: str
    offered: int
    held_out: int
    revenue: Estimate
    winsorised: Estimate
    margin: Estimate
    guardrails: tuple[Figure, ...] = ()


@dataclass(slots=True)
class _Arm:
    revenue: list[int] = field(default_factory=list)
    margin: list[float] = field(default_factory=list)
    before: list[int] = field(default_factory=list)


def line(
    experiment: str,
    currency: str,
    rows: Iterable[Earned],
    *,
    running: timedelta,
    margin_bps: int,
    guardrails: tuple[Figure, ...] = (),
) -> Line:
    """The line of one experiment from what each of its customers brought; `margin_bps` is the share of what is sold that is left."""
    arms = {OFFERED: _Arm(), HELD_OUT: _Arm()}
    for row in rows:
        arm = arms.get(row.arm)
        if arm is not None:
            arm.revenue.append(row.sold - row.lost)
            arm.margin.append(row.sold * margin_bps / _BPS - row.lost - row.fees)
            arm.before.append(row.before)
    offered, held_out = arms[OFFERED], arms[HELD_OUT]
    money = [np.asarray(arm.revenue, dtype=np.float64) for arm in (offered, held_out)]
    past = [np.asarray(arm.before, dtype=np.float64) for arm in (offered, held_out)]
    left = [np.asarray(arm.margin, dtype=np.float64) for arm in (offered, held_out)]

    def found(values: list[NDArray[np.float64]], beside: list[NDArray[np.float64]]) -> Estimate:
        one, other = (Pairs.of(y.tolist(), x.tolist()) for y, x in zip(values, beside, strict=True))
        return estimate(one, other, running=running)

    return Line(
        experiment=experiment,
        currency=currency,
        offered=len(offered.revenue),
        held_out=len(held_out.revenue),
        revenue=found(money, past),
        winsorised=found(_pulled_in(money), _pulled_in(past)),
        margin=found(left, past),
        guardrails=guardrails,
    )


def _pulled_in(arms: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Both arms within the same bounds, taken from both together."""
    within = bounds(np.concatenate(arms), TAIL)
    return [within.applied(arm) for arm in arms]
