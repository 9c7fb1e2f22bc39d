"""Names of clusters for people, such as "Frequent big spenders", from the two traits in which a cluster differs most.

Deterministic: the same deviations give the same name, and no two clusters of one fit share one. A trait is a family of columns (all recency
windows speak once); a column that no trait knows speaks by its own name. A cluster that is found again keeps the name it had for as long
as the name still says something true of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.tabular.table import Floats

PLAIN = 0.25
"""Deviations smaller than this (in standard deviations) say nothing."""
TYPICAL = "Typical customers"
_STILL_TRUE = 30  # how many of the truest names are looked through for the one that a cluster had


@dataclass(frozen=True, slots=True)
class Trait:
    """How a family of columns is told when high and when low, each as (adjective, noun)."""

    pattern: str
    high: tuple[str, str]
    low: tuple[str, str]


TRAITS: tuple[Trait, ...] = (
    Trait(r"days_since_last_order", ("Lapsed", "sleepers"), ("Recent", "active shoppers")),
    Trait(r"days_since_last_.*", ("Idle", "idle users"), ("Active", "active users")),
    Trait(r"days_since_first_.*|tenure_.*", ("Long-standing", "old hands"), ("New", "newcomers")),
    Trait(r".*_gap_.*", ("Seldom-ordering", "one-off buyers"), ("Quick", "quick repeaters")),
    Trait(r".*_trend_.*", ("Growing", "rising stars"), ("Fading", "fading customers")),
    Trait(r"(average_)?basket_value.*", ("Big-basket", "big-basket buyers"), ("Small-basket", "bargain hunters")),
    Trait(r"(spend|revenue|mrr|value)_.*", ("High-value", "big spenders"), ("Thrifty", "small spenders")),
    Trait(r"orders?_.*|purchases?_.*", ("Frequent", "regulars"), ("Occasional", "occasional buyers")),
    Trait(r"distinct_.*", ("Wide-ranging", "explorers"), ("Focused", "specialists")),
    Trait(r"usage_.*|active_days_.*|meters_used_.*", ("Heavy-use", "heavy users"), ("Light-use", "light users")),
    Trait(r"plan_rank", ("Higher-plan", "premium subscribers"), ("Lower-plan", "starters")),
)


def name_clusters(
    columns: Sequence[str], centres: Floats, sizes: Sequence[int], *, before: Sequence[str | None] = ()
) -> tuple[str, ...]:
    """A different name for each row of `centres` (standardised deviations); larger clusters choose first.

    `before` is what each cluster was called by the previous fit, None for a new one.

    >>> import numpy as np
    >>> columns = ("days_since_last_order", "orders_365d", "spend_365d_minor")
    >>> name_clusters(columns, np.array([[-0.5, 1.5, 1.8], [1.2, -0.6, -0.4], [0.1, 0.0, 0.1]]), [10, 20, 30])
    ('Frequent big spenders', 'Lapsed occasional buyers', 'Typical customers')
    """
    called = dict(enumerate(before))
    names = {
        cluster: name
        for cluster, name in called.items()
        if name is not None and name in islice(_candidates(columns, centres[cluster].tolist()), _STILL_TRUE)
    }
    fresh = (cluster for cluster in range(len(sizes)) if cluster not in names)
    for cluster in sorted(fresh, key=lambda number: (-sizes[number], number)):
        taken = set(names.values())
        names[cluster] = next(name for name in _candidates(columns, centres[cluster].tolist()) if name not in taken)
    return tuple(names[cluster] for cluster in range(len(sizes)))


def _candidates(columns: Sequence[str], deviations: Sequence[float]) -> Iterator[str]:
    """Names from the most telling on; never ends."""
    told = _traits(columns, deviations)
    if not told:
        yield TYPICAL
    if len(told) == 1:
        yield f"{told[0][0]} customers"
    for first, second in combinations(told, 2):
        yield f"{first[0]} {second[1]}"
        yield f"{second[0]} {first[1]}"
    best = f"{told[0][0]} customers" if told else TYPICAL
    number = 2
    while True:
        yield f"{best} {number}"
        number += 1


def _traits(columns: Sequence[str], deviations: Sequence[float]) -> list[tuple[str, str]]:
    """Adjective and noun of each family that deviates, largest first; of the first two, the better adjective leads."""
    largest: dict[int | str, tuple[float, str]] = {}
    for column, deviation in zip(columns, deviations, strict=True):
        family = next((n for n, trait in enumerate(TRAITS) if re.fullmatch(trait.pattern, column)), None)
        key = column if family is None else family
        if abs(deviation) >= PLAIN and abs(deviation) > abs(largest.get(key, (0.0, ""))[0]):
            largest[key] = (deviation, column)
    ranked = sorted(largest.items(), key=lambda pair: (-abs(pair[1][0]), pair[1][1]))
    leading = sorted(ranked[:2], key=lambda pair: _leads(pair[0]))
    return [_words(key, deviation, column) for key, (deviation, column) in (*leading, *ranked[2:])]


def _leads(key: int | str) -> int:
    """Recency, tenure, trend and frequency make good adjectives; value and baskets make good nouns."""
    if isinstance(key, str):
        return 2
    return 0 if TRAITS[key].high[0] in {"Lapsed", "Idle", "Long-standing", "Growing", "Frequent"} else 1


def _words(key: int | str, deviation: float, column: str) -> tuple[str, str]:
    if isinstance(key, str):
        word = column.replace("_", " ")
        return (
            (f"High {word}", f"customers high in {word}")
            if deviation > 0
            else (f"Low {word}", f"customers low in {word}")
        )
    return TRAITS[key].high if deviation > 0 else TRAITS[key].low
