"""From a customer's snapshot to the protocol's flags: value, variant, reason and flat metadata, rendered once and kept beside it.

A feature is a flag of the same key. Its value has the kind of the feature, whatever the verdict, so that a typed client always gets
what it asked for:

| feature | value |
|---|---|
| boolean | whether it is allowed |
| limit | the limit; 9007199254740991 for none; 0 where there is no right to use any |
| config | its JSON; null where there is none or it may not be used |

(The number for no limit is the largest whole one that every client holds exactly, so that comparing usage with it does what is meant.)

| our reason (`metadata.why`) | the protocol's reason |
|---|---|
| payment_overdue | DISABLED |
| failed_open, failed_closed | UNKNOWN |
| any other, where an override, a trial or an experiment's arm has a say | TARGETING_MATCH |
| any other | STATIC |

The variant is where the right came from, as `plan:pro+addon:extra`, or `none`. Metadata are flat scalars; what is not known is left out:
why, feature, allowed, limit, used, remaining, used_pct (whole percent, rounded down), reset_at, unlock_plan, unlock_addon, source; an
answer about one flag adds version, as_of and stale_ms, which a bulk answer has once, for all its flags.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from billing.catalog.item import FeatureKind
from billing.catalog.setting import Setting
from billing.entitlements.access import Reason
from billing.kernel.clock import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from billing.entitlements.access import Access
    from billing.entitlements.snapshot import Snapshot

NO_LIMIT = 2**53 - 1
_DIGEST = 12
_MOST_BYTES = 32 * 1024 * 1024
_OVERHEAD = 2_000
_BY_HAND = frozenset({"override", "trial", "arm"})
_DISABLED = frozenset({Reason.PAYMENT_OVERDUE})
_UNKNOWN = frozenset({Reason.FAILED_OPEN, Reason.FAILED_CLOSED})


class Page:
    """A snapshot's flags as bytes. `digest` is of all its results, and of nothing that depends on when they were read."""

    __slots__ = ("_flags", "_token", "_window", "bulk", "digest", "size", "snapshot", "tail")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._flags = {key: flag(snapshot, key, snapshot.answer(key)) for key in snapshot.features}
        self.bulk = b'{"flags":[' + b",".join(self._flags.values()) + b"]"
        self.digest = blake2b(self.bulk, digest_size=_DIGEST).hexdigest()
        self._token, self._window = "", -1
        as_of = format_instant(snapshot.read_at)
        self.tail = f'"version":"{snapshot.version}","as_of":"{as_of}","stale_ms":'.encode()
        self.size = 2 * len(self.bulk) + _OVERHEAD

    def one(self, key: str, stale_ms: int) -> bytes:
        """The answer about one of the snapshot's flags."""
        return self.dated(self._flags[key], stale_ms)

    def token_of(self, window: int, sign: Callable[[Page], str]) -> str:
        """The token of the customer's stream in an hour, signed once."""
        if window != self._window:
            self._token, self._window = sign(self), window
        return self._token

    def dated(self, rendered: bytes, stale_ms: int) -> bytes:
        """A rendered flag with the version and the age of its facts."""
        return rendered[:-2] + b"," + self.tail + str(stale_ms).encode() + b"}}"

    def everything(self, stale_ms: int, event_streams: bytes) -> bytes:
        """The answer about all flags, with the streams that tell of changes."""
        middle = b',"eventStreams":' + event_streams + b',"metadata":{' if event_streams else b',"metadata":{'
        return b"".join((self.bulk, middle, self.tail, str(stale_ms).encode(), b"}}"))


class Pages:
    """Pages kept beside the snapshots that they show, the latest of each customer, within a bound of memory.

    Answers depend on the snapshot alone: it works with the instant that it was read at, and is not served past the instants it knows of.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: dict[tuple[str, str], Page] = {}

    def of(self, snapshot: Snapshot) -> Page:
        """The page of a snapshot. For the event loop's thread alone."""
        key = (snapshot.tenant_id, snapshot.customer)
        kept = self._kept.get(key)
        if kept is not None and kept.snapshot is snapshot:
            return kept
        page = Page(snapshot)
        if kept is not None:
            self._bytes -= self._kept.pop(key).size
        self._kept[key] = page
        self._bytes += page.size
        while self._bytes > self._most_bytes:
            self._bytes -= self._kept.pop(next(iter(self._kept))).size
        return page


def flag(snapshot: Snapshot, key: str, answer: Access) -> bytes:
    """One evaluated flag, ending in its metadata's brace and its own."""
    entry = snapshot.entries.get(key)
    kind = FeatureKind.BOOLEAN if entry is None else entry.kind
    known = None if entry is None else entry.rule.limit
    source = answer.source
    return orjson.dumps(
        {
            "key": key,
            "value": _value(kind, answer, known),
            "variant": source or "none",
            "reason": _reason(answer),
            "metadata": _metadata(answer, source),
        }
    )


def _value(kind: FeatureKind, answer: Access, known: int | None) -> Any:
    if kind is FeatureKind.BOOLEAN:
        return answer.allowed
    if kind is FeatureKind.LIMIT:
        if not answer.allowed and answer.reason is not Reason.LIMIT_REACHED:
            return 0
        limit = known if answer.limit is None else answer.limit
        return NO_LIMIT if limit is None else limit
    value = answer.value
    return orjson.Fragment(value.text) if isinstance(value, Setting) and answer.allowed else None


def _reason(answer: Access) -> str:
    if answer.reason in _DISABLED:
        return "DISABLED"
    if answer.reason in _UNKNOWN:
        return "UNKNOWN"
    return "TARGETING_MATCH" if any(each.kind in _BY_HAND for each in answer.sources) else "STATIC"


def _metadata(answer: Access, source: str) -> dict[str, Any]:
    ratio = answer.usage_ratio
    told = {
        "why": answer.reason.value,
        "feature": answer.feature,
        "allowed": answer.allowed,
        "limit": answer.limit,
        "used": _number(answer.used),
        "remaining": _number(answer.remaining),
        "used_pct": None if ratio is None else int(ratio * 100),
        "reset_at": None if answer.resets_at is None else format_instant(answer.resets_at),
        "unlock_plan": _unlock(answer, "plan"),
        "unlock_addon": _unlock(answer, "addon"),
        "source": source or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _number(value: Decimal | None) -> Any:
    """A quantity as an exact JSON number."""
    return None if value is None else orjson.Fragment(f"{value.normalize():f}")


def _unlock(answer: Access, kind: str) -> str | None:
    return next((each.key for each in answer.unlock if each.kind == kind), None)
