"""Reading a table page by page, by the id of what was read last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MANY = 2_000  # rows a page: few enough to name each of them in one statement
Read_co = TypeVar("Read_co", covariant=True)
T = TypeVar("T")


class Reader(Protocol[Read_co]):
    """Reads up to `limit` rows by id, later than `after`."""

    def __call__(self, *, after: str, limit: int) -> Sequence[Read_co]:
        """A page."""
        ...


def pages(read: Reader[T], id_of: Callable[[T], str]) -> Iterator[Sequence[T]]:
    """The pages of a table, one in memory at a time."""
    after = ""
    while found := read(after=after, limit=MANY):
        yield found
        after = id_of(found[-1])
