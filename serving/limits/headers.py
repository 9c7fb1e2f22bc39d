"""What an answer says about limits: the RateLimit fields of the IETF draft, the older `X-RateLimit-*`, and Retry-After.

The draft (draft-ietf-httpapi-ratelimit-headers) has two structured lists, policies and states.
Seconds are rounded up, so that nobody who comes back when told is too early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.ratelimits.limit import SECOND_US, Counts, Kind, Limit, Mode

if TYPE_CHECKING:
    from billing.ratelimits.decide import Decision, Verdict

EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
NEVER_SECONDS = 86_400


def limit_headers(decision: Decision) -> dict[str, str]:
    """The fields of an answer, refused or not; shadow limits are not spoken of.

    `RateLimit-Policy: "minute";q=100;w=60` and `RateLimit: "minute";r=42;t=18`; `t` is when everything is back.
    """
    told = [each for each in decision.verdicts if each.limit.mode is not Mode.SHADOW]
    if not told:
        return {}
    tightest = min(told, key=_tightness)
    headers = {
        "RateLimit-Policy": ", ".join(_policy(each.limit) for each in told),
        "RateLimit": ", ".join(f"{_name(each.limit)};r={each.remaining};t={_seconds(each.reset_us)}" for each in told),
        "X-RateLimit-Limit": str(tightest.limit.units),
        "X-RateLimit-Remaining": str(tightest.remaining),
        "X-RateLimit-Reset": str(_seconds(tightest.reset_us)),
    }
    if not decision.allowed:
        headers["Retry-After"] = str(retry_seconds(decision))
    return headers


def retry_seconds(decision: Decision) -> int:
    """When to come again after a refusal: whole seconds, at least one; a day where no wait would help."""
    wait = decision.retry_us
    return NEVER_SECONDS if wait is None else max(1, _seconds(wait))


def _tightness(verdict: Verdict) -> tuple[bool, int]:
    return not verdict.refused, 0 if not verdict.limit.units else verdict.remaining * 1_000_000 // verdict.limit.units


def _policy(limit: Limit) -> str:
    if limit.kind is Kind.CONCURRENCY:
        return f'{_name(limit)};q={limit.amount};qu="concurrent-requests"'
    unit = ';qu="requests"' if limit.counts is Counts.CALLS else ""
    return f"{_name(limit)};q={limit.units};w={_window(limit)}{unit}"


def _window(limit: Limit) -> int:
    """Seconds in which the quota `q` comes back: of a rate, how long its burst takes to drain."""
    if limit.kind is Kind.QUOTA:
        return _seconds(limit.windows[-1] - limit.windows[-2])
    return max(1, _seconds(limit.units * limit.per_us // max(1, limit.amount)))


def _name(limit: Limit) -> str:
    clean = "".join(each if " " <= each <= "~" else "?" for each in limit.name)
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _seconds(microseconds: int) -> int:
    return -(-microseconds // SECOND_US)
