"""Changes told from process to process over Redis: what one commits, the others hear within milliseconds.

Telling never holds a use case up for longer than its budget, and what cannot be told is bounded by the age of what others keep. Listening
is one thread; while Redis does not answer it, the link is not live, and what may have been missed is made up for by forgetting everything.
"""

from __future__ import annotations

import json
import secrets
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "uptier:changes"
BUDGET_SECONDS = 0.05
MOST_IN_A_MESSAGE = 500
_PING_SECONDS = 0.25
_LIVE_NS = 1_000_000_000
_AWAY_NS = 1_000_000_000


class Hearer(Protocol):
    """Who is told what changed elsewhere."""

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """These customers changed."""
        ...

    def forget_everything(self) -> None:
        """Something may have been missed."""
        ...


class RedisBus:
    """`tell` is a listener for `Database.listen`; `listen` starts hearing the others, `close` ends it."""

    def __init__(self, url: str, monotonic_ns: Callable[[], int]) -> None:
        self._monotonic_ns = monotonic_ns
        self._me = secrets.token_hex(8)
        options = {"socket_connect_timeout": BUDGET_SECONDS, "retry": Retry(NoBackoff(), 0), "decode_responses": True}
        self._speaking = Redis.from_url(url, socket_timeout=BUDGET_SECONDS, **options)
        self._hearing = Redis.from_url(url, socket_timeout=1, **options)
        self._silent_until_ns = 0
        self._heard_ns: int | None = None
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """Tell the other processes; after a failure nothing is tried for a second. Never raises."""
        if self._monotonic_ns() < self._silent_until_ns:
            FALLBACKS.labels("changes").inc()
            return
        try:
            for part in _parts(customers):
                self._speaking.publish(CHANNEL, json.dumps([self._me, tenant_id, part]))
        except (RedisError, OSError):
            FALLBACKS.labels("changes").inc()
            self._silent_until_ns = self._monotonic_ns() + _AWAY_NS

    def is_live(self) -> bool:
        """Whether Redis answered the listener within the last second."""
        heard = self._heard_ns
        return heard is not None and self._monotonic_ns() - heard < _LIVE_NS

    def listen(self, hearer: Hearer) -> None:
        """Hear the others from now on, in a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(hearer,), name="changes", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
        with suppress(RedisError, OSError):
            self._speaking.close()

    def _run(self, hearer: Hearer) -> None:
        while not self._closed.is_set():
            try:
                self._hear(hearer)
            except (RedisError, OSError):
                self._heard_ns = None
                self._closed.wait(_PING_SECONDS)

    def _hear(self, hearer: Hearer) -> None:
        with self._hearing.pubsub() as channel:  # type: ignore[no-untyped-call] # (redis leaves it untyped)
            channel.subscribe(CHANNEL)
            is_first = True
            while not self._closed.is_set():
                message = channel.get_message(timeout=_PING_SECONDS)
                if message is None:
                    channel.ping()
                    continue
                missed = is_first or not self.is_live()  # what was said while nothing was heard
                self._heard_ns = self._monotonic_ns()
                if missed:
                    is_first = False
                    hearer.forget_everything()
                if message["type"] == "message":
                    self._pass_on(str(message["data"]), hearer)

    def _pass_on(self, data: str, hearer: Hearer) -> None:
        try:
            sender, tenant_id, customers = json.loads(data)
            named = None if customers is None else frozenset(str(each) for each in customers)
        except (ValueError, TypeError):
            hearer.forget_everything()  # nobody of ours wrote this; better to read anew than to guess
            return
        if sender != self._me:
            hearer.forget(str(tenant_id), named)


def _parts(customers: frozenset[str] | None) -> list[list[str] | None]:
    if customers is None:
        return [None]
    names = sorted(customers)
    return [names[start : start + MOST_IN_A_MESSAGE] for start in range(0, len(names), MOST_IN_A_MESSAGE)]
