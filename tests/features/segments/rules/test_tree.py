"""Rules are read without guessing, written back as they were, and refused with the place of what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import VIEWS
from features.segments.rules.tree import (
    MAX_DEPTH,
    OPERATORS,
    All,
    AnyOf,
    Compare,
    Node,
    Not,
    OneOf,
    RuleError,
    Subject,
    feature_names,
    read_tree,
    write_tree,
)

NAMES = st.sampled_from([view.name for view in VIEWS[:6]])
NUMBERS = st.integers(-(2**62), 2**62) | st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)
WORDS = st.lists(st.sampled_from(("a", "b", "c")), min_size=1, max_size=3, unique=True).map(tuple)
LEAVES = st.one_of(
    st.builds(Compare, st.just(Subject.FEATURE), NAMES, st.sampled_from(OPERATORS), NUMBERS),
    st.builds(Compare, st.just(Subject.SCORE), st.just("churn"), st.sampled_from(OPERATORS), NUMBERS),
    st.builds(OneOf, st.just(Subject.SEGMENT), WORDS, st.sampled_from(("clusters", "life_cycle", "rfm"))),
    st.builds(OneOf, st.sampled_from((Subject.PLAN, Subject.CONSENT, Subject.COUNTRY)), WORDS),
)


def joined(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """Joints over parts."""
    some = st.lists(parts, min_size=1, max_size=3).map(tuple)
    return st.builds(All, some) | st.builds(AnyOf, some) | st.builds(Not, parts)


TREES: st.SearchStrategy[Node] = st.recursive(LEAVES, joined, max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(tree=TREES)
def test_what_is_written_is_read_back_the_same(tree: Node) -> None:
    """JSON loses nothing of a rule."""
    assert read_tree(write_tree(tree)) == tree


@pytest.mark.parametrize(
    ("document", "word"),
    [
        ([], "object"),
        ({}, "object"),
        ({"all": []}, "one or more"),
        ({"any": "x"}, "one or more"),
        ({"all": [{"consent": "a"}], "any": []}, "does not belong"),
        ({"all": [{"consent": "a"}, {"not": {"feature": "orders_90d", "op": "~", "value": 1}}]}, "all.1.not"),
        ({"feature": "orders_90d", "op": ">="}, "number"),
        ({"feature": "orders_90d", "op": ">=", "value": True}, "number"),
        ({"feature": "orders_90d", "op": ">=", "value": float("nan")}, "number"),
        ({"feature": "orders_90d", "op": ">=", "value": 10**40}, "number"),
        ({"feature": "orders_90d", "score": "churn", "op": ">=", "value": 1}, "exactly one"),
        ({"feature": "orders_90d", "op": ">=", "value": 1, "sql": "1=1"}, "sql does not belong"),
        ({"segment": "x", "scheme": "rule:other"}, "another rule"),
        ({"plan": []}, "list"),
        ({"plan": [1]}, "texts"),
        ({"consent": "x" * 300}, "characters"),
        ({"colour": "red"}, "exactly one"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_place(document: Any, word: str) -> None:
    """The sentence says what is wrong, and where in the tree."""
    with pytest.raises(RuleError, match=word):
        read_tree(document)


def test_an_unknown_view_is_named_with_what_it_may_have_meant() -> None:
    """A rule on a view that does not exist would hold for nobody, silently."""
    document = {"feature": "order_90d", "op": ">", "value": 1}

    with pytest.raises(RuleError, match="orders_90d"):
        read_tree(document)

    assert feature_names(read_tree(document, stored=True)) == ()  # one that was taken out of the catalogue since


def test_depth_and_size_are_bounded() -> None:
    """A rule is for people; a deep or wide one is an attack."""
    deep: dict[str, Any] = {"consent": "a"}
    for _ in range(MAX_DEPTH):
        deep = {"not": deep}
    wide = {"all": [{"any": [{"consent": "a"}] * 60}, {"any": [{"consent": "a"}] * 60}]}

    for document in (deep, wide):
        with pytest.raises(RuleError, match="at most"):
            read_tree(document)


def test_features_asked_for_are_listed_once() -> None:
    """So that only these are computed."""
    leaf = {"feature": "spend_90d_minor", "op": ">", "value": 1}

    assert feature_names(read_tree({"all": [leaf, {"not": leaf}, {"score": "churn", "op": ">", "value": 1}]})) == (
        "spend_90d_minor",
    )
