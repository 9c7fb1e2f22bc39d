"""A share beside its holdout: published figures, small arms, and what may be said of a guardrail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.experiments.inference.sums import Cases
from models.success.shares import Harm, beside, wilson

COUNTS = st.tuples(st.integers(10, 400), st.floats(0, 1)).map(lambda pair: Cases(pair[0], round(pair[0] * pair[1])))

NEWCOMBE = (  # table II of Newcombe 1998, method 10: both counts, and the bounds that are printed there
    ((56, 70), (48, 80), 0.0524, 0.3339),
    ((9, 10), (3, 10), 0.1705, 0.8090),
    ((10, 10), (0, 10), 0.6075, 1.0),
)


@pytest.mark.parametrize(("one", "other", "low", "high"), NEWCOMBE)
def test_bounds_are_those_that_were_published(
    one: tuple[int, int], other: tuple[int, int], low: float, high: float
) -> None:
    """To the four places that the paper prints."""
    found = beside(Cases(one[1], one[0]), Cases(other[1], other[0]))

    assert found.low == pytest.approx(low, abs=5e-5)
    assert found.high == pytest.approx(high, abs=5e-5)


@given(COUNTS, COUNTS)
def test_the_interval_holds_the_difference_and_turns_with_its_arms(one: Cases, other: Cases) -> None:
    """Swapping the arms mirrors it; it never leaves what differences of shares can be."""
    found, turned = beside(one, other), beside(other, one)

    assert found.low is not None and found.high is not None and found.difference is not None  # noqa: PT018 (narrowing)
    assert turned.low is not None
    assert -1 - 1e-9 <= found.low <= found.difference + 1e-9
    assert found.difference - 1e-9 <= found.high <= 1 + 1e-9
    assert turned.low == pytest.approx(-found.high, abs=1e-9)


def test_an_arm_of_a_few_says_nothing() -> None:
    """Nine customers are no arm."""
    found = beside(Cases(500, 5), Cases(9, 1))

    assert found.difference is None
    assert found.harm is Harm.WATCHING


@pytest.mark.parametrize(
    ("offered", "held_out", "harm"),
    [
        (Cases(1000, 120), Cases(900, 45), Harm.HARMED),
        (Cases(9000, 450), Cases(9000, 450), Harm.SAFE),
        (Cases(1000, 52), Cases(60, 3), Harm.WATCHING),
    ],
)
def test_a_guardrail_says_only_what_is_sure(offered: Cases, held_out: Cases, harm: Harm) -> None:
    """Surely worse, surely not much worse, or not yet known."""
    assert beside(offered, held_out).harm is harm


def test_nobody_is_every_share() -> None:
    """An empty arm's share may be anything."""
    assert wilson(Cases(0, 0)) == (0.0, 1.0)
