"""Keys that were presented lately, with whom they prove: a request then needs no query to know who asks.

What is kept is found by the key's SHA-256, never the key. A change of a tenant's keys or clock drops what was kept of it at once in this
process and within milliseconds over Redis; without a message a key that was revoked elsewhere is let in for a second at most, with a live
link for five. A tenant whose test clock stands is kept only where such messages come, since everything about it hangs on that clock.
While the database is away, a key that was good when it could last be asked stays good for a quarter of an hour; one that was never seen,
or has changed since, cannot be judged.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from billing.db.session import BusyError
from billing.tenants.authenticate import Principal, authenticate
from billing.tenants.keys import digest, matches
from serving.gate.gate import SECOND_NS
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.session import Database
    from serving.gate.gate import Link

AGE_NS = 5 * SECOND_NS
SHORT_NS = SECOND_NS
KEPT_WHILE_AWAY_NS = 900 * SECOND_NS
MOST_KEPT = 10_000
_STRIPES = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    principal: Principal
    read_ns: int
    sequence: int


class KeyRing:
    """Thread-safe; `forget` is a listener for `Database.listen` and the bus."""

    def __init__(self, database: Database, monotonic_ns: Callable[[], int], link: Link) -> None:
        self._database = database
        self._monotonic_ns = monotonic_ns
        self.link = link
        self._kept: dict[str, _Kept] = {}
        self._dropped: dict[str, int] = {}
        self._dropped_all = 0
        self._sequence = count(1)
        self._lock = threading.Lock()
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))

    def held(self, presented: str) -> Principal | None:
        """Whom a key proves, where that is known without a query."""
        kept = self._kept.get(digest(presented))
        if kept is None or not matches(kept.principal.key, presented):
            return None
        tenant, age, is_live = kept.principal.tenant, self._monotonic_ns() - kept.read_ns, self.link.is_live()
        if age >= (AGE_NS if is_live else SHORT_NS) or (tenant.frozen_at is not None and not is_live):
            return None
        return kept.principal if self._is_current(kept) else None

    def principal(self, presented: str) -> Principal:
        """Whom a key proves, from memory or read anew."""
        return self.held(presented) or self.load(presented)

    def load(self, presented: str) -> Principal:
        """Ask the database. Raises BadKeyError (what is wrong is not kept), BusyError while it is away and the key was never good."""
        key, came = digest(presented), next(self._sequence)
        with self._stripes[hash(key) % _STRIPES]:  # of many who come at once one asks
            kept = self._kept.get(key)
            if kept is not None and kept.sequence > came and self.held(presented) is kept.principal:
                return kept.principal
            return self._read(presented)

    def _read(self, presented: str) -> Principal:
        read_ns, sequence = self._monotonic_ns(), next(self._sequence)
        try:
            found = authenticate(self._database, presented)
        except (BusyError, SQLAlchemyError) as error:
            return self._without_database(presented, error)
        with self._lock:
            self._kept.pop(digest(presented), None)
            self._kept[digest(presented)] = _Kept(found, read_ns, sequence)
            while len(self._kept) > MOST_KEPT:
                del self._kept[next(iter(self._kept))]
        return found

    def _is_current(self, kept: _Kept) -> bool:
        return kept.sequence > max(self._dropped.get(kept.principal.tenant.id, 0), self._dropped_all)

    def _without_database(self, presented: str, error: Exception) -> Principal:
        FALLBACKS.labels("keys").inc()
        kept = self._kept.get(digest(presented))
        if (
            kept is not None
            and self._monotonic_ns() - kept.read_ns < KEPT_WHILE_AWAY_NS
            and self._is_current(kept)
            and matches(kept.principal.key, presented)
        ):
            return kept.principal
        raise BusyError("the key cannot be checked just now; try again in a moment") from error

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """A tenant changed; what only concerns some of its customers concerns no key."""
        if customers is None:
            self._dropped[tenant_id] = next(self._sequence)

    def forget_everything(self) -> None:
        """Changes may have been missed."""
        self._dropped_all = next(self._sequence)
