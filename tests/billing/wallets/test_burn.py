"""Spending from grants: one order whoever lists them, nothing created and nothing lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.wallets.burn import burn, spendable
from billing.wallets.grant import Grant, GrantError, GrantKind
from tests.billing.wallets.strategies import DAY, START, a_grant, eur, grants

AMOUNTS = st.integers(0, 3000).map(eur)


@given(grants(), AMOUNTS, st.randoms(use_true_random=False))
def test_any_order_of_the_grants_burns_the_same(found: list[Grant], amount: object, rng: object) -> None:
    """The parts and their order do not depend on how the grants are listed."""
    shuffled = list(found)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]

    assert burn(shuffled, amount, START) == burn(found, amount, START)  # type: ignore[arg-type]


@given(grants(), st.integers(0, 3000))
def test_the_parts_and_the_unpaid_are_the_amount(found: list[Grant], minor: int) -> None:
    """What is paid is the lesser of the amount and what there is; no grant pays more than it has, and none that does not count."""
    done = burn(found, eur(minor), START)
    left = {grant.id: grant for grant in found}

    assert done.paid + done.unpaid == eur(minor)
    assert done.paid == min(eur(minor), spendable(found, START, "EUR"))
    assert len({part.grant_id for part in done.parts}) == len(done.parts)
    for part in done.parts:
        assert left[part.grant_id].counts(START)
        assert eur(0) < part.amount <= left[part.grant_id].remaining


@given(grants(), st.integers(0, 1000), st.integers(0, 1000))
def test_burning_twice_is_burning_the_sum(found: list[Grant], first: int, second: int) -> None:
    """What is left after two burns is what one burn of both leaves."""

    def after(stock: list[Grant], minor: int) -> list[Grant]:
        taken = {part.grant_id: part.amount for part in burn(stock, eur(minor), START).parts}
        return [grant.changed(-taken.get(grant.id, eur(0))) for grant in stock]

    assert after(after(found, first), second) == after(found, first + second)


def test_the_order_is_priority_then_end_then_given_then_age_then_name() -> None:
    """Each rule decides where those before it leave a tie."""
    given_ = GrantKind.PROMOTIONAL
    ordered = [
        a_grant("z", 1, priority=0),
        a_grant("y", 1, priority=1, expires_at=START + DAY),
        a_grant("x", 1, priority=1, expires_at=START + 2 * DAY, kind=given_),
        a_grant("w", 1, priority=1, expires_at=START + 2 * DAY, created_at=START - DAY),
        a_grant("u", 1, priority=1, expires_at=START + 2 * DAY),
        a_grant("v", 1, priority=1, expires_at=START + 2 * DAY),
    ]

    done = burn(reversed(ordered), eur(6), START)

    assert [part.grant_id for part in done.parts] == ["z", "y", "x", "w", "u", "v"]


def test_a_grant_counts_from_its_start_to_before_its_end() -> None:
    """The start belongs to it, the end does not."""
    grant = a_grant("g", 5, expires_at=START + DAY)
    instant = timedelta(microseconds=1)

    assert [grant.counts(at) for at in (START - instant, START, START + DAY - instant, START + DAY)] == [
        False,
        True,
        True,
        False,
    ]


def test_an_amount_below_zero_is_refused() -> None:
    """Spending less than nothing would be granting."""
    with pytest.raises(GrantError):
        burn([], eur(-1), START)
