"""Checking the books of one tenant: every check in turn, over one snapshot, with what each of them found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.revenue.check.finding import Finding
from billing.revenue.check.registry import CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from billing.db.session import Unit

MOST = 100
"""Findings of one check that are told one by one; the rest is counted."""


def check_books(unit: Unit, *, progress: Callable[[str], None] | None = None) -> list[Finding]:
    """What does not hold of a tenant's books: nothing in a live system.

    Open a view, so that every check sees the same instant. `progress` is told the name of each check that is done.
    """
    found: list[Finding] = []
    for name, check in CHECKS.items():
        found += _told(name, check(unit))
        if progress is not None:
            progress(name)
    return found


def _told(name: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    more = 0
    for place, finding in enumerate(findings):
        if place < MOST:
            yield finding
        else:
            more += 1
    if more:
        yield Finding(code="more_findings", sentence=f"{more} more of check {name!r}", ids=(name,))
