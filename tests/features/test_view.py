"""Declarations that mean nothing are refused with the reason, and a hash tells meanings apart but not wordings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from features.view import (
    Aggregate,
    DerivedView,
    FeatureSpecError,
    FeatureView,
    Formula,
    PersonalData,
    Source,
    Where,
    base_views,
    spec_hash,
)
from tests.strategies_features import feature_views

SPEND = FeatureView(
    name="spend_30d_minor",
    source=Source.PURCHASES,
    aggregate=Aggregate.SUM,
    column="amount_minor",
    window_days=30,
    description="Spend.",
    owner="growth",
    personal_data=PersonalData.SPENDING,
)
ORDERS = replace(SPEND, name="orders_30d", aggregate=Aggregate.COUNT_DISTINCT, column="basket")
RATIO = DerivedView(
    name="basket_value", inputs=(SPEND, ORDERS), formula=Formula.RATIO, description="Basket.", owner="growth"
)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": "Spend-30d"}, "lower_snake_case"),
        ({"name": 'x" FROM secrets --'}, "lower_snake_case"),
        ({"name": "as_of_us"}, "key column"),
        ({"column": None}, "needs a column of purchases: item, basket, quantity, amount_minor"),
        ({"column": "mrr_minor"}, "needs a column of purchases"),
        ({"column": "item"}, "item is text"),
        ({"aggregate": Aggregate.COUNT}, "reads no column"),
        ({"aggregate": Aggregate.MEAN}, "needs float64"),
        ({"aggregate": Aggregate.LATEST_IN, "column": "item"}, "one or more str values"),
        ({"among": ("tea",)}, "belongs to latest_in"),
        ({"window_days": 0}, "1 to 3650"),
        ({"where": (Where("customer", ("ann",)),)}, "may be filtered on item"),
        ({"where": (Where("item", ()),)}, "one or more str values"),
        ({"where": (Where("quantity", ("1",)),)}, "one or more int64 values"),
        ({"default": 0.5}, "does not fit int64"),
        ({"default": 2**63}, "does not fit int64"),
        ({"default": float("nan"), "dtype": "float64"}, "does not fit float64"),
        ({"aggregate": Aggregate.COUNT_DISTINCT, "default": 1}, "the count of nothing is 0"),
    ],
    ids=str,
)
def test_a_view_that_means_nothing_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    """Each mistake is told in one sentence that names what would be right."""
    with pytest.raises(FeatureSpecError, match=reason):
        replace(SPEND, **changed)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"name": "X"}, "lower_snake_case"),
        ({"scale": 0}, "scale is 1 to"),
        ({"dtype": "int64"}, "a ratio is a fraction"),
        (
            {"formula": Formula.DIFFERENCE, "dtype": "int64", "inputs": (SPEND, replace(ORDERS, dtype="float64"))},
            "needs int64 inputs",
        ),
    ],
    ids=["name", "scale", "ratio", "difference"],
)
def test_a_derived_view_that_means_nothing_is_refused_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    """Formulas are as strict as aggregates."""
    with pytest.raises(FeatureSpecError, match=reason):
        replace(RATIO, **changed)


def test_a_derived_view_brings_its_parts_each_once() -> None:
    """Parts that are also asked for are computed once."""
    assert base_views([RATIO, SPEND]) == (SPEND, ORDERS)
    assert RATIO.personal_data == {PersonalData.SPENDING}


def test_one_name_never_stands_for_two_meanings() -> None:
    """Neither twice in one question, nor as a part of a derived view."""
    with pytest.raises(FeatureSpecError, match="asked for twice"):
        base_views([SPEND, SPEND])
    with pytest.raises(FeatureSpecError, match="two different views"):
        base_views([RATIO, replace(SPEND, window_days=90)])


@given(view=feature_views())
def test_the_hash_ignores_wording_and_owner(view: FeatureView) -> None:
    """A better description does not retire a model."""
    assert spec_hash([view]) == spec_hash([replace(view, description="Better said.", owner="another")])


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other"},
        {"window_days": 31},
        {"window_days": None},
        {"column": "quantity"},
        {"aggregate": Aggregate.MAX},
        {"default": -1},
        {"dtype": "float64"},
        {"where": (Where("item", ("tea",)),)},
    ],
    ids=str,
)
def test_the_hash_tells_every_meaning_apart(changed: dict[str, Any]) -> None:
    """Whatever changes a value or a column changes the hash, also inside a derived view."""
    other = replace(SPEND, **changed)

    assert spec_hash([other]) != spec_hash([SPEND])
    assert spec_hash([replace(RATIO, inputs=(other, ORDERS))]) != spec_hash([RATIO])


def test_the_hash_keeps_the_order_of_columns_and_not_that_of_values() -> None:
    """A model reads columns by place; `in (a, b)` is `in (b, a)`."""
    one, two = (replace(SPEND, where=(Where("item", values),)) for values in (("tea", "mug"), ("mug", "tea")))

    assert spec_hash([SPEND, ORDERS]) != spec_hash([ORDERS, SPEND])
    assert spec_hash([one]) == spec_hash([two])


def test_the_hash_is_the_same_in_every_process_and_release() -> None:
    """Stored beside models, so it may only change when a meaning does."""
    assert spec_hash([SPEND, RATIO]) == "3187fc14991959153749c23c1b33bb5c7b435462740d9244d11b392b661502fb"
