"""Counters with a life-time: how often something happened lately. A hint for decisions, never a truth that money hangs on.

Two implementations meet one contract: in this process, or in Redis for any number of processes. When Redis is away the count reads as
nothing and the caller goes on; how often that happened is kept in `failures`.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Protocol

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_TIMEOUT_SECONDS = 0.05  # a stuck server must not hold a request up (money-lint: allow)
_SECOND_NS = 1_000_000_000
_MAX_KEYS = 100_000
_ADD = """
local total = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
return total
"""


class Counters(Protocol):
    """Counts by key that vanish some seconds after they were started."""

    def add(self, key: str, amount: int, life_seconds: int) -> int:
        """Add to a count, starting its life if it is new; the answer is the count, or 0 when the store is away."""
        ...

    def read(self, keys: Sequence[str]) -> list[int]:
        """The counts of these keys; 0 for what is not there or when the store is away."""
        ...


class MemoryCounters:
    """Counters in this process; the oldest go first when there are too many."""

    def __init__(self, monotonic_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._monotonic_ns = monotonic_ns
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, int]] = {}

    def add(self, key: str, amount: int, life_seconds: int) -> int:
        """Add to a count."""
        with self._lock:
            now = self._monotonic_ns()
            count, ends = self._counts.get(key, (0, now + life_seconds * _SECOND_NS))
            if ends <= now:
                count, ends = 0, now + life_seconds * _SECOND_NS
            self._counts[key] = (count + amount, ends)
            if len(self._counts) > _MAX_KEYS:
                self._counts.pop(next(iter(self._counts)))
            return count + amount

    def read(self, keys: Sequence[str]) -> list[int]:
        """The counts of these keys."""
        with self._lock:
            now = self._monotonic_ns()
            found = (self._counts.get(key, (0, now)) for key in keys)
            return [count if ends > now else 0 for count, ends in found]


class RedisCounters:
    """Counters in Redis, shared by every process; answers within a bounded time, or as if there were nothing."""

    def __init__(self, url: str) -> None:
        self._client = Redis.from_url(
            url,
            socket_timeout=_TIMEOUT_SECONDS,
            socket_connect_timeout=_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )
        self._add = self._client.register_script(_ADD)
        self.failures = 0

    def add(self, key: str, amount: int, life_seconds: int) -> int:
        """Add to a count, in one round trip."""
        try:
            return int(self._add(keys=[key], args=[amount, life_seconds]))
        except RedisError:
            self.failures += 1
            return 0

    def read(self, keys: Sequence[str]) -> list[int]:
        """The counts of these keys, in one round trip."""
        if not keys:
            return []
        try:
            found = self._client.mget(list(keys))
        except RedisError:
            self.failures += 1
            return [0] * len(keys)
        return [int(value or 0) for value in found]

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
