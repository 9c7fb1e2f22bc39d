"""P-values of several looks at one experiment, corrected for being several: Holm for the decision, Benjamini and Hochberg for exploring."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's (1979) adjusted p-values, in the order given: the chance of any false finding stays below the level.

    >>> holm([0.01, 0.04])
    (0.02, 0.04)
    """
    count, order = len(p_values), _order(p_values)
    adjusted, running = [0.0] * count, 0.0
    for rank, place in enumerate(order):
        running = max(running, min((count - rank) * p_values[place], 1.0))
        adjusted[place] = running
    return tuple(adjusted)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Benjamini and Hochberg's (1995) adjusted p-values, in the order given: the expected share of false findings stays below the level.

    >>> benjamini_hochberg([0.01, 0.04])
    (0.02, 0.04)
    """
    count, order = len(p_values), _order(p_values)
    adjusted, running = [0.0] * count, 1.0
    for rank in range(count - 1, -1, -1):
        place = order[rank]
        running = min(running, p_values[place] * count / (rank + 1))
        adjusted[place] = running
    return tuple(adjusted)


def bonferroni(p_values: Sequence[float]) -> tuple[float, ...]:
    """Each times how many there are, at most 1."""
    return tuple(min(p * len(p_values), 1.0) for p in p_values)


def _order(p_values: Sequence[float]) -> list[int]:
    return sorted(range(len(p_values)), key=lambda place: p_values[place])
