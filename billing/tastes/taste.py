"""Attributes of items and declared preferences, and the one rule that decides by them which items a customer may be shown.

An attribute is a key with a set of values (diet: vegan, gluten free; allergens: nuts). A "must" admits only items known to have the value.
A "never" keeps out items known to have it; for what can harm (allergens) it also keeps out items of which nothing is known, since silence
is no proof. A "like" is soft: it moves an item up or down and never hides it. Case and outer spaces do not matter in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    Attributes = Mapping[str, frozenset[str]]

HARMFUL = frozenset({"allergen", "allergens"})
MOST_KEYS, MOST_VALUES, MOST_PREFERENCES, LONGEST_WORD = 50, 50, 100, 100
MOST_WEIGHT = 100
NOTHING_KNOWN: Attributes = {}


class TasteError(InvalidError):
    """Attributes or preferences that cannot be kept."""

    code = "invalid_taste"


class Kind(Enum):
    """How strongly a preference binds."""

    MUST = "must"
    NEVER = "never"
    LIKE = "like"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One declared wish; `weight` is in percent from -100 (dislikes) to 100, and counts for likes only."""

    kind: Kind
    key: str
    value: str
    weight: int = MOST_WEIGHT

    def __post_init__(self) -> None:
        if not -MOST_WEIGHT <= self.weight <= MOST_WEIGHT:
            raise TasteError("a weight is between -100 and 100", weight=self.weight)

    @property
    def is_hard(self) -> bool:
        """Whether it can hide an item."""
        return self.kind is not Kind.LIKE


def attributes_from(given: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """Attributes in their one form; a key with no values says that there are known to be none.

    >>> sorted(attributes_from({" Diet": ["Vegan", "vegan "]})["diet"])
    ['vegan']
    """
    if len(given) > MOST_KEYS:
        raise TasteError(f"an item has at most {MOST_KEYS} attributes", found=len(given))
    found: dict[str, frozenset[str]] = {}
    for key, values in given.items():
        words = frozenset(word(value) for value in values)
        if len(words) > MOST_VALUES:
            raise TasteError(f"an attribute has at most {MOST_VALUES} values", key=key[:LONGEST_WORD])
        found[word(key)] = found.get(word(key), frozenset()) | words
    return found


def preferences_from(given: Sequence[Preference]) -> tuple[Preference, ...]:
    """Preferences in their one form and order, each once; what is wished and refused at once is an error."""
    if len(given) > MOST_PREFERENCES:
        raise TasteError(f"a customer declares at most {MOST_PREFERENCES} preferences", found=len(given))
    kept: dict[tuple[str, str, str], Preference] = {}
    for one in given:
        clean = Preference(kind=one.kind, key=word(one.key), value=word(one.value), weight=one.weight)
        kept[clean.kind.value, clean.key, clean.value] = clean
    for kind, key, value in kept:
        if kind == Kind.MUST.value and (Kind.NEVER.value, key, value) in kept:
            raise TasteError(f"{key} {value} is a must and a never at once", key=key, value=value)
    return tuple(kept[place] for place in sorted(kept))


def word(text: str) -> str:
    """One word or phrase as it is compared."""
    clean = " ".join(text.split()).casefold()
    if not clean or len(clean) > LONGEST_WORD:
        raise TasteError(f"keys and values have 1 to {LONGEST_WORD} characters", found=text[:LONGEST_WORD])
    return clean


def admits(preferences: Iterable[Preference], attributes: Attributes) -> bool:
    """Whether an item of these attributes may be shown to whoever declared these preferences.

    >>> nuts = Preference(kind=Kind.NEVER, key="allergens", value="nuts")
    >>> admits([nuts], {"allergens": frozenset({"milk"})}), admits([nuts], {}), admits([nuts], {"allergens": frozenset()})
    (True, False, True)
    """
    for one in preferences:
        values = attributes.get(one.key)
        if one.kind is Kind.MUST and (values is None or one.value not in values):
            return False
        if one.kind is Kind.NEVER:
            if values is None and one.key in HARMFUL:
                return False
            if values is not None and one.value in values:
                return False
    return True


def hidden(preferences: Sequence[Preference], items: Iterable[str], known: Mapping[str, Attributes]) -> set[str]:
    """Which of the items the hard preferences keep out; an item that is not in `known` has no known attributes."""
    hard = [one for one in preferences if one.is_hard]
    if not hard:
        return set()
    return {item for item in items if not admits(hard, known.get(item, NOTHING_KNOWN))}


def liking_percent(preferences: Iterable[Preference], known: Mapping[str, Attributes]) -> dict[str, int]:
    """How much each item is liked, in percent within -100 and 100: the sum of the likes it meets; items that meet none are left out."""
    likes = [one for one in preferences if one.kind is Kind.LIKE]
    found: dict[str, int] = {}
    for item, attributes in known.items() if likes else ():
        total = sum(one.weight for one in likes if one.value in attributes.get(one.key, frozenset()))
        if total:
            found[item] = min(max(total, -MOST_WEIGHT), MOST_WEIGHT)
    return found
