"""A verdict is the tree's truth, and its reasons are enough: the conditions named decide alone, whatever the others say."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from features.catalog import VIEWS
from features.segments.rules.judge import Facts, holds, judge
from features.segments.rules.tree import All, AnyOf, Compare, Leaf, Node, Not, OneOf, read_tree
from tests.features.segments.rules.test_tree import TREES

FACTS = st.builds(
    Facts,
    features=st.fixed_dictionaries({view.name: st.integers(-5, 5) for view in VIEWS[:6]}),
    scores=st.fixed_dictionaries({}, optional={"churn": st.sampled_from((0.0, 0.25, 1.0))}),
    segments=st.fixed_dictionaries({"rfm": st.frozensets(st.sampled_from("abc"), max_size=1)}),
    plans=st.frozensets(st.sampled_from("abc"), max_size=1),
    consents=st.frozensets(st.sampled_from("abc")),
    country=st.sampled_from(("", "a", "b")),
)


def truth(tree: Node, values: dict[Leaf, bool], *, other: bool) -> bool:
    """The tree's truth when these leaves are as given and every other one is `other`."""
    if isinstance(tree, All):
        return all(truth(part, values, other=other) for part in tree.parts)
    if isinstance(tree, AnyOf):
        return any(truth(part, values, other=other) for part in tree.parts)
    if isinstance(tree, Not):
        return not truth(tree.part, values, other=other)
    assert isinstance(tree, Compare | OneOf)
    return values.get(tree, other)


@settings(max_examples=150, deadline=None)
@given(tree=TREES, facts=FACTS)
def test_the_reasons_decide_alone(tree: Node, facts: Facts) -> None:
    """With the named conditions as they were found, the verdict stands whether all others hold or fail."""
    verdict = judge(tree, facts)
    named = {each.leaf: each.held for each in verdict.because}

    assert verdict.inside == holds(tree, facts)
    assert named
    assert truth(tree, named, other=True) == verdict.inside
    assert truth(tree, named, other=False) == verdict.inside


def test_why_in_and_why_out_are_told_with_value_and_threshold() -> None:
    """The sentence that a page shows."""
    tree = read_tree(
        {
            "all": [
                {"feature": "orders_90d", "op": ">=", "value": 3},
                {"any": [{"consent": "marketing"}, {"plan": ["pro", "plus"]}]},
                {"not": {"segment": "lapsed", "scheme": "life_cycle"}},
            ]
        }
    )
    known = Facts(features={"orders_90d": 5}, segments={"life_cycle": frozenset({"active"})})

    inside = judge(tree, replace(known, plans=frozenset({"pro"})))
    outside = judge(tree, replace(known, plans=frozenset({"starter"})))

    assert inside.sentence == (
        "In: orders_90d is 5, which is >= 3; the plan is pro, which is one of pro, plus; "
        "the life_cycle segment is active, which is not one of lapsed."
    )
    assert outside.sentence == (
        "Out: the consent is none, which is not one of marketing; the plan is starter, which is not one of pro, plus."
    )


def test_a_score_that_is_not_known_holds_in_no_condition() -> None:
    """Neither above nor below: a customer without a score is not a safe one."""
    low, high = (read_tree({"score": "churn", "op": op, "value": 0.5}) for op in ("<", ">="))

    assert not holds(low, Facts())
    assert not holds(high, Facts())
    assert judge(low, Facts()).sentence == "Out: the churn score is not known, so it is not < 0.5."


def test_integers_beyond_what_a_float_holds_are_compared_exactly() -> None:
    """Amounts are integers, and stay it."""
    tree = read_tree({"feature": "spend_365d_minor", "op": ">", "value": 2**53})

    assert holds(tree, Facts(features={"spend_365d_minor": 2**53 + 1}))
