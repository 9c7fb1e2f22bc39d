"""A limit's thresholds: each once a period, whatever way use grows."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from models.triggers.rules.limit_share import LimitShare
from tests.models.triggers.known import facts, level

TRIGGER = LimitShare()


def test_the_edge_of_a_threshold_is_exact() -> None:
    """79.999 % is below, 80 % is not, with integers alone."""
    assert not list(TRIGGER.fires(facts(limits=(level(79_999, 100_000),))))

    (fired,) = TRIGGER.fires(facts(limits=(level(80_000, 100_000),)))

    assert (fired.subject, fired.strength, fired.evidence["threshold"]) == ("exports", 0.8, 80)


def test_a_limit_of_nothing_is_no_crossing() -> None:
    """It was full before anything was used."""
    assert not list(TRIGGER.fires(facts(limits=(level(0, 0),))))


def test_a_new_period_or_another_limit_begins_anew() -> None:
    """The same share of another month, or of more units, is another crossing; of the same ones it is not."""
    april = {"starts_at": datetime(2026, 4, 1, tzinfo=UTC), "ends_at": datetime(2026, 5, 1, tzinfo=UTC)}
    crossings = [level(80), level(81), level(80, **april), level(160, 200)]

    keys = [next(iter(TRIGGER.fires(facts(limits=(each,))))).once_key for each in crossings]

    assert (keys[0] == keys[1], len(set(keys))) == (True, 3)


@given(
    uses=st.lists(st.integers(0, 150), min_size=1, max_size=12).map(sorted),
    thresholds=st.lists(st.integers(1, 120), min_size=1, max_size=5, unique=True),
)
def test_growing_use_raises_each_threshold_once_and_at_the_look_that_first_sees_it(
    uses: list[int], thresholds: list[int]
) -> None:
    """Whatever the looks, what was raised in the end is what use came to; nothing falls away as it grows."""
    seen = [
        {fired.once_key for fired in TRIGGER.fires(facts(limits=(level(used),), thresholds=tuple(thresholds)))}
        for used in uses
    ]

    assert all(earlier <= later for earlier, later in pairwise(seen))
    assert len(set().union(*seen)) == sum(uses[-1] >= threshold for threshold in thresholds)
