"""Which rows stand on which page, in whole points: pages are filled in order, and what ends a table is never left alone on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEPT_WITH_THE_END = 2


def paginate(heights: Sequence[int], *, first: int, other: int, ending: int) -> list[range]:
    """The rows of each page by their place.

    `first` and `other` are the room of the first and of any other page, `ending` what must follow the last row. A row is never split
    here and no row is lost; a row higher than a page has one of its own. Where the ending does not fit behind the rows, it takes the last
    rows along to a page of theirs, unless that would leave the page before it without any.

    >>> paginate([40] * 5, first=100, other=200, ending=100)
    [range(0, 2), range(2, 3), range(3, 5)]
    """
    pages = _filled(heights, first, other)
    last = pages[-1]
    room = first if len(pages) == 1 else other
    if sum(heights[place] for place in last) + ending <= room:
        return pages
    return [*pages[:-1], *_with_company(last, heights, other - ending)]


def _filled(heights: Sequence[int], first: int, other: int) -> list[range]:
    pages: list[range] = []
    start, used = 0, 0
    for place, height in enumerate(heights):
        room = first if not pages else other
        if place > start and used + height > room:
            pages.append(range(start, place))
            start, used = place, 0
        used += height
    return [*pages, range(start, len(heights))]


def _with_company(last: range, heights: Sequence[int], room: int) -> list[range]:
    """The rows of the last page parted, so that a few go with the ending; an empty part where none can."""
    taken = 0
    while taken < _KEPT_WITH_THE_END and taken + 1 < len(last):
        if sum(heights[place] for place in last[-taken - 1 :]) > room:
            break
        taken += 1
    cut = last.stop - taken
    return [range(last.start, cut), range(cut, last.stop)]
