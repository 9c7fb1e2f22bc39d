"""Countries by code and by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.country import country_code
from billing.tenants.profile.tax_id import EU_COUNTRIES


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("DE", "DE"),
        ("gb", "GB"),
        ("Germany", "DE"),
        (" united   kingdom ", "GB"),
        ("EIRE", "IE"),
        ("USA", "US"),
        ("Channel Islands", ""),
        ("European Community", ""),
        ("Unspecified", ""),
        ("EU", ""),
        ("", ""),
    ],
)
def test_codes_and_names(written: str, code: str) -> None:
    """Names that real exports of shops have in them, and what is no country."""
    assert country_code(written) == code


def test_every_member_state_is_its_own_code() -> None:
    """Each of the 27."""
    assert {country_code(code) for code in EU_COUNTRIES} == EU_COUNTRIES


@given(st.text(max_size=30))
def test_the_answer_is_a_code_that_is_its_own_answer_or_nothing(written: str) -> None:
    """Whatever is written."""
    code = country_code(written)
    assert code == "" or country_code(code) == code
