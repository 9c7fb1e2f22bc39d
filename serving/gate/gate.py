"""The gate in the process: snapshots of customers kept in memory, dropped when told of a change, and old ones never served.

A snapshot is served while three things hold: nobody told of a change since before it was read, it is not older than the bound, and the
instants it knows of (a grant's end, a period's end) have not come. Changes in this process are told at once, those of other processes
over Redis; a message that is lost costs at most the bound. When the database is away, rights are answered as they were last read, and
what needs usage by each feature's choice of failing open or closed.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.exc import SQLAlchemyError

from billing.db.session import BusyError
from billing.entitlements.snapshot import ONE, Known, nothing_known, read_known, read_snapshot
from serving.telemetry import FALLBACKS

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from decimal import Decimal

    from billing.db.scope import Scope
    from billing.db.session import Database, Unit
    from billing.entitlements.access import Access
    from billing.entitlements.snapshot import Snapshot

    AccessReader = Callable[[Unit], Callable[[str], datetime | None]]
    Told = Callable[[str | None], None]

SECOND_NS = 1_000_000_000
KEPT_WHILE_AWAY_NS = 900 * SECOND_NS
AWAY_NS = SECOND_NS
MOST_KEPT = 5_000
_STRIPES = 64


class Link(Protocol):
    """What brings the changes of other processes."""

    def is_live(self) -> bool:
        """Whether changes come through right now."""
        ...


class NoLink:
    """There is nobody to bring them."""

    def is_live(self) -> bool:
        """Never."""
        return False


@dataclass(frozen=True, slots=True)
class _Kept:
    snapshot: Snapshot
    sequence: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class _KnownAt:
    known: Known
    sequence: int
    read_ns: int


class Gate:
    """Thread-safe. `age_ns` bounds how old a snapshot is served while `link` is live, `short_ns` while it is not."""

    def __init__(
        self,
        database: Database,
        access_ends: AccessReader,
        monotonic_ns: Callable[[], int],
        link: Link | None = None,
        *,
        age_ns: int = 5 * SECOND_NS,
        short_ns: int = SECOND_NS,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._database = database
        self._access_ends = access_ends
        self._monotonic_ns = monotonic_ns
        self._age_ns, self._short_ns = age_ns, min(short_ns, age_ns)
        self._most = most_kept
        self.link: Link = link or NoLink()
        self._sequence = count(1)
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._known: dict[str, _KnownAt] = {}
        self._dropped: dict[tuple[str, str | None], int] = {}
        self._dropped_before: dict[tuple[str, str | None], int] = {}
        self._dropped_all = 0
        self._turned_ns = monotonic_ns()
        self._away_until_ns = 0
        self._lock = threading.Lock()
        self._stripes = tuple(threading.Lock() for _ in range(_STRIPES))
        self._told: dict[str, set[Told]] = {}

    def held(self, tenant_id: str, customer: str, now: datetime) -> Snapshot | None:
        """The snapshot of a customer (by key) that may be served at the tenant's `now`; None when it has to be loaded. No I/O."""
        kept = self._kept.get((tenant_id, customer))
        if kept is None or not self._is_fresh(kept.read_ns):
            return None
        snapshot = kept.snapshot
        if kept.sequence < self._last_drop(tenant_id, snapshot.customer_id) or not snapshot.is_sound(now):
            return None
        return snapshot

    def load(self, scope: Scope, customer: str, now: datetime) -> Snapshot:
        """Read a customer anew and keep what was read. Blocks; raises CustomerNotFoundError.

        Of many who ask at once one reads, and those who came before it began have the same. While the database is away the last
        snapshot is answered, cut off, or one that knows nothing.
        """
        key, came = (scope.tenant_id, customer), next(self._sequence)
        with self._stripes[hash(key) % _STRIPES]:
            kept = self._kept.get(key)
            if kept is not None and kept.sequence > came and self.held(scope.tenant_id, customer, now) is kept.snapshot:
                return kept.snapshot
            return self._read(scope, customer, now)

    def _read(self, scope: Scope, customer: str, now: datetime) -> Snapshot:
        started_ns, sequence = self._monotonic_ns(), next(self._sequence)
        if started_ns < self._away_until_ns:
            return self._without_database(scope.tenant_id, customer, now)
        try:
            with self._database.view(scope) as unit:
                known = self._known_of(unit, scope.tenant_id)
                snapshot = read_snapshot(unit, customer, known, now=now, access_ends=self._access_ends(unit))
        except (BusyError, SQLAlchemyError):
            self._away_until_ns = self._monotonic_ns() + AWAY_NS
            return self._without_database(scope.tenant_id, customer, now)
        self._keep((scope.tenant_id, customer), _Kept(snapshot, sequence, started_ns))
        return snapshot

    def snapshot(self, scope: Scope, customer: str, now: datetime) -> Snapshot:
        """The one that is held, or a new one."""
        return self.held(scope.tenant_id, customer, now) or self.load(scope, customer, now)

    def check(self, scope: Scope, customer: str, feature: str, now: datetime, quantity: Decimal = ONE) -> Access:
        """Whether a customer may use `quantity` units of a feature (both by key), as of the answer's `as_of`."""
        snapshot = self.held(scope.tenant_id, customer, now) or self.load(scope, customer, now)
        return snapshot.answer(feature, quantity)

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """These customers (by id; None for all of the tenant) have changed: what was read of them before is not served again."""
        sequence = next(self._sequence)
        with self._lock:
            self._turn()
            for customer in (None,) if customers is None else customers:
                self._dropped[tenant_id, customer] = sequence
            told = tuple(self._told.get(tenant_id, ()))
        for tell in told:
            for customer in (None,) if customers is None else customers:
                tell(customer)

    def forget_everything(self) -> None:
        """Changes may have been missed: nothing that was read before is served again."""
        self._dropped_all = next(self._sequence)
        with self._lock:
            told = [tell for each in self._told.values() for tell in each]
        for tell in told:
            tell(None)

    def subscribe(self, tenant_id: str, tell: Told) -> Callable[[], None]:
        """Have `tell` called with each customer (by id; None for all) of a tenant that changes; the answer ends it."""
        with self._lock:
            self._told.setdefault(tenant_id, set()).add(tell)

        def end() -> None:
            with self._lock:
                mine = self._told.get(tenant_id, set())
                mine.discard(tell)
                if not mine:
                    self._told.pop(tenant_id, None)

        return end

    def _is_fresh(self, read_ns: int) -> bool:
        age = self._monotonic_ns() - read_ns
        return age < self._short_ns or (age < self._age_ns and self.link.is_live())

    def _last_drop(self, tenant_id: str, customer_id: str) -> int:
        own, everybody = (tenant_id, customer_id), (tenant_id, None)
        return max(
            self._dropped.get(own, 0),
            self._dropped_before.get(own, 0),
            self._dropped.get(everybody, 0),
            self._dropped_before.get(everybody, 0),
            self._dropped_all,
        )

    def _turn(self) -> None:
        """Forget drops that are older than anything that could be served: two generations, each as long as the bound."""
        now_ns = self._monotonic_ns()
        if now_ns - self._turned_ns > self._age_ns:
            self._dropped_before, self._dropped, self._turned_ns = self._dropped, {}, now_ns

    def _keep(self, key: tuple[str, str], kept: _Kept) -> None:
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = kept if before is None or before.sequence < kept.sequence else before
            while len(self._kept) > self._most:
                del self._kept[next(iter(self._kept))]

    def _known_of(self, unit: Unit, tenant_id: str) -> Known:
        found = self._known.get(tenant_id)
        if found is not None and self._is_fresh(found.read_ns):
            everybody = (tenant_id, None)
            drops = (self._dropped.get(everybody, 0), self._dropped_before.get(everybody, 0), self._dropped_all)
            if found.sequence > max(drops):
                return found.known
        started_ns, sequence = self._monotonic_ns(), next(self._sequence)
        known = read_known(unit)
        self._known[tenant_id] = _KnownAt(known, sequence, started_ns)
        return known

    def _without_database(self, tenant_id: str, customer: str, now: datetime) -> Snapshot:
        FALLBACKS.labels("gate").inc()
        kept = self._kept.get((tenant_id, customer))
        if kept is not None and self._monotonic_ns() - kept.read_ns < KEPT_WHILE_AWAY_NS:
            return kept.snapshot.cut_off()
        found = self._known.get(tenant_id)
        return nothing_known(tenant_id, customer, None if found is None else found.known, now)
