"""Rows on pages: none lost, none beyond the page, and the ending never without company where it can have some."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from billing.documents.pdf.paging import paginate

_HEIGHTS = st.lists(st.integers(10, 290), max_size=60)


@given(_HEIGHTS, st.integers(50, 500), st.integers(300, 700), st.integers(20, 290))
def test_every_row_stands_on_one_page_in_order(heights: list[int], first: int, other: int, ending: int) -> None:
    """And no page is filled beyond its room, but by a single row that fits nowhere."""
    pages = paginate(heights, first=first, other=other, ending=ending)

    assert [row for page in pages for row in page] == list(range(len(heights)))
    for place, page in enumerate(pages):
        room = other if place else first
        assert sum(heights[row] for row in page) <= room or len(page) == 1


@given(_HEIGHTS, st.integers(50, 500), st.integers(300, 700), st.integers(20, 290))
def test_the_ending_fits_on_the_last_page(heights: list[int], first: int, other: int, ending: int) -> None:
    """With the rows that stand there."""
    pages = paginate(heights, first=first, other=other, ending=ending)

    room = other if len(pages) > 1 else first
    assert sum(heights[row] for row in pages[-1]) + ending <= room


@given(st.lists(st.integers(10, 60), min_size=3, max_size=60), st.integers(200, 500), st.integers(20, 290))
def test_common_rows_keep_the_ending_company(heights: list[int], first: int, ending: int) -> None:
    """At least one row goes with it."""
    assert len(paginate(heights, first=first, other=600, ending=ending)[-1]) > 0
