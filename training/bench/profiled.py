"""Where the time of a run goes: a profile folded into a few parts that say something to a reader.

The time of a built-in function is its caller's, but for the calls into a database's driver, which wait for the database. Profiling slows
Python down several times and the database not at all, so the parts of Python look larger than they are.
"""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Function = tuple[str, int, str]  # its file, line and name, as a profile keeps them; a built-in one's file is "~"

DATABASE = "the database and its driver"
_OWN = "billing: batches, drafts, terms, stores"
_REST = "the rest of Python"
_DRIVERS = ("sqlite3", "psycopg")
_PLACES = (
    ("/psycopg", DATABASE),
    ("/sqlalchemy/", "SQLAlchemy: statements, rows, types"),
    ("/billing/pricing/", "rating and explaining"),
    ("/billing/kernel/", "money, time and ids"),
    ("/billing/metering/", "reading usage"),
    ("/billing/db/", "scope and sessions"),
    ("/billing/", _OWN),
    ("/json/", "JSON"),
)


def profiled(run: Callable[[], object]) -> dict[str, float]:
    """Run something under the profiler; the answer is each part's share of the time, largest first."""
    profile = cProfile.Profile()
    profile.runcall(run)
    return shares(pstats.Stats(profile).stats)  # type: ignore[attr-defined]  # the documented attribute has no stub


def shares(
    stats: Mapping[Function, tuple[int, int, float, float, Mapping[Function, tuple[int, int, float, float]]]],
) -> dict[str, float]:
    """The parts' shares of all time of a profile's functions."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for function, (_, _, own, _, callers) in stats.items():
        if function[0] != "~":
            seconds[_part(function[0])] += own
        elif any(driver in function[2] for driver in _DRIVERS) or not callers:
            seconds[DATABASE if callers else _REST] += own
        else:
            for caller, (_, _, from_there, _) in callers.items():
                seconds[_part(caller[0])] += from_there
    whole = sum(seconds.values())
    return {part: spent / whole for part, spent in sorted(seconds.items(), key=lambda item: -item[1])}


def _part(file: str) -> str:
    place = file.replace("\\", "/")
    return next((part for piece, part in _PLACES if piece in place), _REST)
