"""Every case of the billing vectors whose area the product offers, through the public functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.vectors.areas import NOT_YET, OFFERED
from tests.vectors.case import load, plain
from tests.vectors.conftest import OWN_DATA

if TYPE_CHECKING:
    from tests.vectors.case import Case


def test_a_case_is_answered_as_its_source_says(case: Case) -> None:
    """Each expected value has a reading, and the reading gives it."""
    answers = OFFERED[case.area]

    unread = sorted(case.expected.keys() - answers.keys())
    assert not unread, f"{case.area} has no reading of {unread}"
    got = {key: plain(answers[key](case)) for key in case.expected}
    assert got == {key: plain(value) for key, value in case.expected.items()}


def test_every_area_of_the_file_is_offered_or_known_to_be_missing(areas_in_file: frozenset[str]) -> None:
    """No area is passed over in silence, in whichever file is run."""
    assert areas_in_file <= OFFERED.keys() | NOT_YET.keys()


def test_what_is_not_yet_answered_is_counted_exactly() -> None:
    """The table of missing areas equals our copy of the file, case for case."""
    counts = Counter(case.area for case in load(OWN_DATA))

    assert {area: count for area, count in counts.items() if area not in OFFERED} == NOT_YET
    assert not OFFERED.keys() & NOT_YET.keys()
