"""How often features were refused to a customer lately: counters by the day, so that a window slides over them."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from models.triggers.facts import Denials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from billing.db.counters import Counters

WINDOW_DAYS: Final = 7
_KEPT_SECONDS: Final = 31 * 86_400  # no window is longer than thirty days
_EPOCH: Final = date(1970, 1, 1)


def note_denial(counters: Counters, tenant_id: str, customer_key: str, feature: str, *, now: datetime) -> None:
    """Remember that a feature was refused to a customer."""
    counters.add(_key(tenant_id, customer_key, feature, _day(now)), 1, _KEPT_SECONDS)


def denials_by_day(
    counters: Counters,
    tenant_id: str,
    customer_key: str,
    features: Sequence[str],
    *,
    now: datetime,
    days: int = WINDOW_DAYS,
) -> dict[str, dict[int, int]]:
    """How often each feature was refused on each day (since 1970, UTC) of the window that ends today; those never refused are left out."""
    window = range(_day(now) - days + 1, _day(now) + 1)
    places = [(feature, day) for feature in features for day in window]
    counts = counters.read([_key(tenant_id, customer_key, feature, day) for feature, day in places])
    found: dict[str, dict[int, int]] = {}
    for (feature, day), count in zip(places, counts, strict=True):
        if count:
            found.setdefault(feature, {})[day] = count
    return found


def denials_of(
    counters: Counters,
    tenant_id: str,
    customer_key: str,
    features: Sequence[str],
    *,
    now: datetime,
    days: int = WINDOW_DAYS,
) -> dict[str, int]:
    """How often each feature was refused within the window; features never refused are left out."""
    by_day = denials_by_day(counters, tenant_id, customer_key, features, now=now, days=days)
    return {feature: sum(counts.values()) for feature, counts in by_day.items()}


def judged(feature: str, name: str, counts: dict[int, int], often: int) -> Denials:
    """A feature's refusals as a trigger reads them; `often` is how many it takes.

    >>> judged("api", "API", {20_000: 2, 20_003: 2}, 3)
    Denials(feature='api', name='API', count=4, reached_on=20003)
    """
    days = sorted(counts)
    totals = zip(days, accumulate(counts[day] for day in days), strict=True)
    reached_on = next((day for day, total in totals if total >= often), None)
    return Denials(feature=feature, name=name, count=sum(counts.values()), reached_on=reached_on)


def _day(now: datetime) -> int:
    return (now.date() - _EPOCH) // timedelta(days=1)


def _key(tenant_id: str, customer_key: str, feature: str, day: int) -> str:
    return f"denied:{{{tenant_id}}}:{customer_key}:{feature}:{day}"
