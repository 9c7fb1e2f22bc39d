"""A setting is one text for one JSON value, and nothing else is a setting."""

from __future__ import annotations

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from billing.catalog.feature_terms import Failure, Overflow, Terms, parse_feature_terms
from billing.catalog.setting import BadSettingError, given, restored, said, setting, stored
from billing.kernel.errors import InvalidError

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@drawn(values)
def test_a_value_survives(value: object) -> None:
    """Made, stored and restored it is the value; what a text cannot hold is refused."""
    try:
        made = setting(value)
    except BadSettingError:
        return
    assert made.value == value
    assert restored(stored(made)) == made
    assert said(made) == value
    assert setting(made.value) == made


@drawn(st.booleans() | st.integers() | st.none())
def test_plain_values_stay_plain(value: bool | int | None) -> None:  # noqa: FBT001 (a right's value)
    """What a boolean or a limit can be worth is not wrapped."""
    assert given(value) is value
    assert restored(stored(value)) == value


@pytest.mark.parametrize("wrong", [float("nan"), {1, 2}, "x" * 5000, "\x00", "\ud800"])
def test_what_no_engine_keeps_is_refused(wrong: object) -> None:
    """No NaN, nothing that is not JSON, nothing without end."""
    if wrong == "\x00":
        assert setting(wrong).value == wrong  # JSON writes it as an escape
        return
    with pytest.raises(BadSettingError):
        setting(wrong)


def test_terms_say_what_they_mean() -> None:
    """Grace has units, and nothing else has."""
    for terms in (Terms(), Terms(overflow=Overflow.SOFT, on_failure=Failure.OPEN)):
        assert parse_feature_terms(terms.to_document()) == terms
    for wrong in ({"overflow": "grace"}, {"grace": "5"}, {"overflow": "none"}, {"grace": -1}, {"on_failure": 1}):
        with pytest.raises(InvalidError):
            parse_feature_terms(wrong)
