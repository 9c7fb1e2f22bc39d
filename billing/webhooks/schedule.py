"""When a delivery is tried again, and when its endpoint is given up. Pure; the calendar is the one of the Standard Webhooks specification.

A delivery that fails is tried again after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h and 24 h (ten attempts over about three days),
each up to a tenth later by chance, so that what failed together does not come back together. `Retry-After` can only make it later. An
endpoint that answered nothing well for five days is disabled; one that answers 410 at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from billing.webhooks.delivery import DeliveryState
from billing.webhooks.endpoint import DisabledFor

if TYPE_CHECKING:
    from random import Random

    from billing.webhooks.post import Reply

BACK_OFF = (
    timedelta(),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
MOST_ATTEMPTS = len(BACK_OFF)
GIVE_UP_AFTER = timedelta(days=5)
LONGEST_RETRY_AFTER = timedelta(hours=24)
_JITTER = 10
_MICROSECOND = timedelta(microseconds=1)
_GONE = 410
_BUSY = frozenset({429, 503})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a delivery after an attempt, and of its endpoint."""

    state: DeliveryState
    next_attempt_at: datetime | None
    failing_since: datetime | None
    disable_for: DisabledFor | None


def judge(reply: Reply, *, attempts: int, failing_since: datetime | None, now: datetime, rng: Random) -> Verdict:
    """The verdict on the `attempts`-th attempt, which was answered at `now`."""
    if reply.is_success:
        return Verdict(state=DeliveryState.DELIVERED, next_attempt_at=None, failing_since=None, disable_for=None)
    since = failing_since or now
    why = _reason_to_disable(reply, since, now)
    if why is not None or attempts >= MOST_ATTEMPTS:
        return Verdict(state=DeliveryState.FAILED, next_attempt_at=None, failing_since=since, disable_for=why)
    wait = max(delay_after(attempts, rng), _asked(reply))
    return Verdict(state=DeliveryState.WAITING, next_attempt_at=now + wait, failing_since=since, disable_for=None)


def delay_after(attempts: int, rng: Random) -> timedelta:
    """How long to wait after so many attempts, one to nine."""
    base = BACK_OFF[attempts]
    return base + rng.randrange(base // _MICROSECOND // _JITTER + 1) * _MICROSECOND


def _asked(reply: Reply) -> timedelta:
    """How long the endpoint wants to be left alone."""
    if reply.status not in _BUSY or reply.retry_after is None:
        return timedelta()
    return min(reply.retry_after, LONGEST_RETRY_AFTER)


def _reason_to_disable(reply: Reply, since: datetime, now: datetime) -> DisabledFor | None:
    if reply.status == _GONE:
        return DisabledFor.GONE
    return DisabledFor.FAILING if now - since >= GIVE_UP_AFTER else None
