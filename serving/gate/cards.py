"""What a process keeps of customers to decide by, their cards: until a change is told of, something comes due, or they grow old.

As for the gate, changes in this process are told at once and those of other processes over Redis. How old a card may be when nothing was
heard is longer than for the gate, since a stale card can cost an offer and never break a cap or a price: what must not be stale (places
under the caps, the state of the subscription, consent) is read again in the transaction that decides.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from serving.gate.gate import Link
    from serving.settings import Settings


class OfCustomer(Protocol):
    """What is kept of one customer."""

    @property
    def customer_id(self) -> str:
        """Whose it is."""
        ...

    def is_sound(self, now: datetime) -> bool:
        """Whether nothing that was known when it was read makes it wrong by `now`."""
        ...


Card = TypeVar("Card", bound=OfCustomer)
Shelf = TypeVar("Shelf")

MOST_KEPT: Final = 20_000
ALONE_SECONDS: Final = 5


def alone_ns(settings: Settings) -> int:
    """How old a card may be where no word of other processes comes: as old as any where there are none, else a few seconds.

    One process on the embedded database hears of every change but those made from the command line.
    """
    is_alone = settings.instances == 1 and settings.resolved_database_url.startswith("sqlite")
    return (settings.card_seconds if is_alone else ALONE_SECONDS) * 1_000_000_000


@dataclass(frozen=True, slots=True)
class _KeptCard(Generic[Card]):
    card: Card
    sequence: int
    read_ns: int


@dataclass(frozen=True, slots=True)
class _KeptShelf(Generic[Shelf]):
    shelf: Shelf
    sequence: int
    read_ns: int


class Cards(Generic[Card, Shelf]):
    """What is kept of customers (cards) and of all of a tenant (its shelf). Thread-safe.

    `age_ns` bounds how old a card is served while `link` is live, `alone_ns` while no word of others can come.
    """

    def __init__(
        self,
        monotonic_ns: Callable[[], int],
        link: Link,
        *,
        age_ns: int,
        alone_ns: int,
        most_kept: int = MOST_KEPT,
    ) -> None:
        self._monotonic_ns = monotonic_ns
        self._link = link
        self._age_ns, self._alone_ns = age_ns, min(age_ns, alone_ns)
        self._most = most_kept
        self._sequence = count(1)
        self._cards: dict[tuple[str, str], _KeptCard[Card]] = {}
        self._shelves: dict[str, _KeptShelf[Shelf]] = {}
        self._dropped: dict[tuple[str, str | None], int] = {}
        self._dropped_before: dict[tuple[str, str | None], int] = {}
        self._dropped_all = 0
        self._turned_ns = monotonic_ns()
        self._lock = threading.Lock()

    def begin(self) -> tuple[int, int]:
        """The mark of a reading that begins now: what is told of later than this is not in what it reads."""
        return next(self._sequence), self._monotonic_ns()

    def held(self, tenant_id: str, customer: str, now: datetime) -> Card | None:
        """The card of a customer (by key) that may be served at the tenant's `now`. No I/O."""
        kept = self._cards.get((tenant_id, customer))
        if kept is None or not self._is_fresh(kept.read_ns) or not kept.card.is_sound(now):
            return None
        dropped = max(self._last_drop(tenant_id, kept.card.customer_id), self._last_drop(tenant_id, _by_key(customer)))
        return None if kept.sequence < dropped else kept.card

    def keep(self, tenant_id: str, customer: str, card: Card, mark: tuple[int, int]) -> None:
        """Keep what a reading gave, unless a later one was kept already."""
        sequence, read_ns = mark
        with self._lock:
            before = self._cards.pop((tenant_id, customer), None)
            fresh = _KeptCard(card, sequence, read_ns)
            self._cards[tenant_id, customer] = fresh if before is None or before.sequence < sequence else before
            while len(self._cards) > self._most:
                del self._cards[next(iter(self._cards))]

    def shelf(self, tenant_id: str) -> Shelf | None:
        """What a tenant's customers share, where that may be served."""
        kept = self._shelves.get(tenant_id)
        if kept is None or not self._is_fresh(kept.read_ns):
            return None
        return kept.shelf if kept.sequence > self._last_drop(tenant_id, None) else None

    def keep_shelf(self, tenant_id: str, shelf: Shelf, mark: tuple[int, int]) -> None:
        """Keep it."""
        sequence, read_ns = mark
        with self._lock:
            before = self._shelves.get(tenant_id)
            if before is None or before.sequence < sequence:
                self._shelves[tenant_id] = _KeptShelf(shelf, sequence, read_ns)

    def drop(self, tenant_id: str, customer: str) -> None:
        """Forget one customer (by key) in this process, for what no store tells of."""
        self.forget(tenant_id, frozenset({_by_key(customer)}))

    def forget(self, tenant_id: str, customers: frozenset[str] | None) -> None:
        """These customers (by id; None for all of the tenant) have changed."""
        sequence = next(self._sequence)
        with self._lock:
            self._turn()
            for customer in (None,) if customers is None else customers:
                self._dropped[tenant_id, customer] = sequence

    def forget_everything(self) -> None:
        """Changes may have been missed."""
        self._dropped_all = next(self._sequence)

    def _is_fresh(self, read_ns: int) -> bool:
        age = self._monotonic_ns() - read_ns
        return age < self._alone_ns or (age < self._age_ns and self._link.is_live())

    def _last_drop(self, tenant_id: str, customer_id: str | None) -> int:
        everybody, own = (tenant_id, None), (tenant_id, customer_id)
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


def _by_key(customer: str) -> str:
    """A name for a customer's key that is no customer's id."""
    return f"key {customer}"
