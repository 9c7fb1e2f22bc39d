"""Cards in memory: served until somebody tells of a change, something comes due, or they grow old; a late reading never wins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from serving.gate.cards import ALONE_SECONDS, Cards, alone_ns
from serving.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Note:
    """A card that says which reading made it."""

    customer_id: str
    text: str
    due_at: datetime = NOW + timedelta(days=1)

    def is_sound(self, now: datetime) -> bool:
        """Until it is due."""
        return now < self.due_at


class Clock:
    """A monotonic clock that stands, and a link that is live or not."""

    def __init__(self) -> None:
        self.ns = 0
        self.live = True

    def __call__(self) -> int:
        """Nanoseconds."""
        return self.ns

    def is_live(self) -> bool:
        """As it was set."""
        return self.live


@pytest.fixture
def clock() -> Clock:
    """At nought, with a live link."""
    return Clock()


@pytest.fixture
def cards(clock: Clock) -> Cards[Note, str]:
    """For a minute with a link, for two seconds without; ten at most."""
    return Cards(clock, clock, age_ns=60 * SECOND, alone_ns=2 * SECOND, most_kept=10)


def _text(cards: Cards[Note, str], customer: str = "ann", now: datetime = NOW) -> str | None:
    found = cards.held("ten", customer, now)
    return None if found is None else found.text


def test_a_card_is_served_until_it_is_told_of_due_or_old(cards: Cards[Note, str], clock: Clock) -> None:
    """Told by id, by key, of the tenant, or of everything; of another customer it stays."""
    cards.keep("ten", "ann", Note("cus_a", "first"), cards.begin())
    cards.forget("ten", frozenset({"cus_b"}))
    cards.forget("other", None)
    assert _text(cards) == "first"
    assert _text(cards, now=NOW + timedelta(days=1)) is None
    clock.ns = 59 * SECOND
    assert _text(cards) == "first"
    clock.live = False
    assert _text(cards) is None
    clock.live, clock.ns = True, 60 * SECOND
    assert _text(cards) is None

    ways: tuple[Callable[[], None], ...] = (
        lambda: cards.forget("ten", frozenset({"cus_a"})),
        lambda: cards.forget("ten", None),
        lambda: cards.drop("ten", "ann"),
        cards.forget_everything,
    )
    for tell in ways:
        cards.keep("ten", "ann", Note("cus_a", "again"), cards.begin())
        assert _text(cards) == "again"
        tell()
        assert _text(cards) is None


def test_what_was_read_before_a_change_is_not_served_though_it_comes_after(cards: Cards[Note, str]) -> None:
    """A slow reading began, the customer changed, and the reading ends: it may have missed the change."""
    slow = cards.begin()
    cards.forget("ten", frozenset({"cus_a"}))
    cards.keep("ten", "ann", Note("cus_a", "old"), slow)
    assert _text(cards) is None

    late, quick = cards.begin(), cards.begin()
    cards.keep("ten", "ann", Note("cus_a", "new"), quick)
    cards.keep("ten", "ann", Note("cus_a", "older"), late)
    assert _text(cards) == "new"


def test_what_a_tenant_shares_goes_with_a_change_of_all(cards: Cards[Note, str]) -> None:
    """One customer's change leaves it alone."""
    cards.keep_shelf("ten", "shelf", cards.begin())
    cards.forget("ten", frozenset({"cus_a"}))
    assert cards.shelf("ten") == "shelf"
    cards.forget("ten", None)
    assert cards.shelf("ten") is None


def test_memory_is_bounded(cards: Cards[Note, str]) -> None:
    """The oldest go first."""
    for number in range(12):
        cards.keep("ten", f"c{number}", Note(f"cus_{number}", str(number)), cards.begin())
    assert [_text(cards, f"c{number}") for number in (0, 1, 2, 11)] == [None, None, "2", "11"]


def test_who_is_alone_needs_no_link() -> None:
    """One process on the embedded database keeps cards as long as any; others that nobody tells, for seconds."""
    alone = Settings(card_seconds=300, _env_file=None)
    several = Settings(card_seconds=300, instances=2, _env_file=None)
    served = Settings(card_seconds=300, database_url="postgresql+psycopg://db/x", _env_file=None)
    assert [alone_ns(each) // SECOND for each in (alone, several, served)] == [300, ALONE_SECONDS, ALONE_SECONDS]
