"""The rule by which declared preferences hide and move items."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.tastes.taste import (
    Kind,
    Preference,
    TasteError,
    admits,
    attributes_from,
    hidden,
    liking_percent,
    preferences_from,
)

KEYS, VALUES = ("diet", "allergens", "level"), ("vegan", "nuts", "hard")
ITEMS = ("a", "b", "c", "d")
_PREFERENCE = st.builds(
    Preference,
    kind=st.sampled_from(Kind),
    key=st.sampled_from(KEYS),
    value=st.sampled_from(VALUES),
    weight=st.integers(-100, 100),
)
_ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), st.frozensets(st.sampled_from(VALUES)))


def _wish(kind: Kind, key: str, value: str, weight: int = 100) -> Preference:
    return Preference(kind=kind, key=key, value=value, weight=weight)


@settings(max_examples=60)
@given(wishes=st.lists(_PREFERENCE, max_size=5), known=st.dictionaries(st.sampled_from(ITEMS), _ATTRIBUTES))
def test_what_is_hidden_is_exactly_what_is_not_admitted(
    wishes: list[Preference], known: dict[str, dict[str, frozenset[str]]]
) -> None:
    """Items that nothing is known of are judged as such; likes hide nothing."""
    found = hidden(wishes, ITEMS, known)

    assert found == {item for item in ITEMS if not admits(wishes, known.get(item, {}))}
    assert not hidden([wish for wish in wishes if wish.kind is Kind.LIKE], ITEMS, known)


@settings(max_examples=60)
@given(wishes=st.lists(_PREFERENCE, max_size=5), more=_PREFERENCE, attributes=_ATTRIBUTES)
def test_one_more_wish_never_shows_more(
    wishes: list[Preference], more: Preference, attributes: dict[str, frozenset[str]]
) -> None:
    """Hard preferences only ever hide."""
    assert admits(wishes, attributes) or not admits([*wishes, more], attributes)


@pytest.mark.parametrize(
    ("wish", "attributes", "shown"),
    [
        (_wish(Kind.MUST, "diet", "vegan"), {"diet": frozenset({"vegan", "kosher"})}, True),
        (_wish(Kind.MUST, "diet", "vegan"), {"diet": frozenset({"kosher"})}, False),
        (_wish(Kind.MUST, "diet", "vegan"), {}, False),
        (_wish(Kind.NEVER, "level", "hard"), {}, True),
        (_wish(Kind.NEVER, "level", "hard"), {"level": frozenset({"hard"})}, False),
        (_wish(Kind.NEVER, "allergens", "nuts"), {}, False),
        (_wish(Kind.NEVER, "allergens", "nuts"), {"allergens": frozenset()}, True),
        (_wish(Kind.NEVER, "allergens", "nuts"), {"allergens": frozenset({"milk"})}, True),
    ],
)
def test_silence_is_no_proof_where_it_can_harm(
    wish: Preference,
    attributes: dict[str, frozenset[str]],
    shown: bool,  # noqa: FBT001 (an expectation)
) -> None:
    """An item without a word about allergens is not shown to who declared one."""
    assert admits([wish], attributes) is shown


def test_likes_add_up_within_a_bound() -> None:
    """Two likes count together up to the bound; a dislike takes away; what meets none is left out."""
    wishes = [_wish(Kind.LIKE, "diet", "vegan", 80), _wish(Kind.LIKE, "level", "hard", 60)]
    known = attributes_of(a={"diet": ["vegan"], "level": ["hard"]}, b={"level": ["hard"]}, c={})

    assert liking_percent(wishes, known) == {"a": 100, "b": 60}
    assert liking_percent([_wish(Kind.LIKE, "level", "hard", -30)], known) == {"a": -30, "b": -30}


def attributes_of(**items: dict[str, list[str]]) -> dict[str, dict[str, frozenset[str]]]:
    """Attributes of items by name."""
    return {item: attributes_from(found) for item, found in items.items()}


def test_words_have_one_form_and_a_contradiction_is_refused() -> None:
    """Case and spaces do not matter; the same wish twice is one; must and never of one thing is an error."""
    twice = preferences_from([_wish(Kind.NEVER, " Allergens ", "NUTS"), _wish(Kind.NEVER, "allergens", "nuts")])
    assert [(one.key, one.value) for one in twice] == [("allergens", "nuts")]
    with pytest.raises(TasteError):
        preferences_from([_wish(Kind.NEVER, "diet", "Meat"), _wish(Kind.MUST, "diet", "meat")])
    with pytest.raises(TasteError):
        attributes_from({"": ["x"]})
