"""The holdout: the right share, the same members every time, and another draw with every salt."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.offers.holdout import BUCKETS, DEFAULT_SHARE_PER_TEN_THOUSAND, bucket, is_held_out

KEYS = [f"customer-{number}" for number in range(20_000)]
KNOWN_BUCKETS = [9021, 1389, 5977, 7265, 6943]
SIGMAS = 4.5  # a fair draw strays further about once in 150,000


def _members(share: int, *, tenant: str = "ten_1", salt: str = "holdout-1") -> set[str]:
    return {key for key in KEYS if is_held_out(tenant, key, share=share, salt=salt)}


@pytest.mark.parametrize("share", [100, 500, 2500, 5000])
def test_the_share_is_right_within_binomial_error(share: int) -> None:
    """Over twenty thousand customers the count strays no further from its mean than chance explains."""
    p = share / BUCKETS
    error = math.sqrt(len(KEYS) * p * (1 - p))

    assert abs(len(_members(share)) - len(KEYS) * p) < SIGMAS * error


def test_nobody_and_everybody_are_possible_shares() -> None:
    """A share of none holds nobody out, and one of ten thousand everybody."""
    assert not _members(0)
    assert len(_members(BUCKETS)) == len(KEYS)


@given(st.text(), st.text(), st.integers(0, BUCKETS))
def test_membership_never_changes_by_asking_again(tenant: str, customer: str, share: int) -> None:
    """It depends on the names alone, whatever they hold."""
    assert is_held_out(tenant, customer, share=share) == is_held_out(tenant, customer, share=share)


def test_the_holdout_of_these_customers_is_the_one_it_was_in_every_release() -> None:
    """Known answers: a change here would mix customers who were held out with those who were not, in every report."""
    assert [bucket("ten_1", f"cus_{number}", "holdout-1") for number in range(5)] == KNOWN_BUCKETS
    assert DEFAULT_SHARE_PER_TEN_THOUSAND == 500


@given(st.text(), st.text(), st.integers(0, BUCKETS), st.integers(0, BUCKETS))
def test_a_larger_holdout_keeps_every_member_of_the_smaller(tenant: str, customer: str, one: int, other: int) -> None:
    """Raising the share adds members and moves nobody out."""
    small, large = sorted((one, other))

    assert not is_held_out(tenant, customer, share=small) or is_held_out(tenant, customer, share=large)


@pytest.mark.parametrize("other", [{"salt": "holdout-2"}, {"tenant": "ten_2"}])
def test_another_salt_or_tenant_draws_independently(other: dict[str, str]) -> None:
    """A quarter of one quarter is in the other too, as of two fair draws."""
    both = _members(2500) & _members(2500, **other)
    error = math.sqrt(len(KEYS) / 16 * 15 / 16)

    assert abs(len(both) - len(KEYS) / 16) < SIGMAS * error


def test_buckets_are_uniform() -> None:
    """A chi-squared of a hundred cells stays below its 99.99 % point (about 154 at 99 degrees of freedom)."""
    counts = Counter(bucket("ten_1", key, "any") // 100 for key in KEYS)
    expected = len(KEYS) / 100
    chi_squared = sum((counts[cell] - expected) ** 2 / expected for cell in range(100))

    assert chi_squared < 154


def test_names_are_kept_apart() -> None:
    """The parts are joined by a separator, so that a longer tenant with a shorter customer is another draw."""
    assert bucket("ten_1", "2", "s") != bucket("ten_12", "", "s")
