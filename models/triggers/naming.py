"""Finding what a text names: whole words, in any language, without a model and without understanding.

Texts are compared after compatibility normalisation (Unicode annex 15), words with their case folded and proper names as they are written;
a name of several words has to stand in its order. Scripts that put no space between words (Han, kana, Thai, Lao, Khmer, Burmese) are
searched for as they stand. Bounded: of a text 4,000 characters are read, once, whatever is sold.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.triggers.facts import Function

LONGEST_TEXT: Final = 4_000
SHORTEST_NAME: Final = 3
SHORTEST_UNSPACED: Final = 2
_WORD = re.compile(r"[^\W_]+")
_UNSPACED: Final = (
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
    (0x1780, 0x17FF),
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0x20000, 0x3FFFF),
)


def named_in(text: str, functions: Iterable[Function]) -> list[tuple[Function, str]]:
    """Each function that a text names, with the word it was found by, in the order of the text; each function once.

    >>> from models.triggers.facts import Function
    >>> sold = [Function(kind="feature", key="api", words=("API access",)), Function(kind="plan", key="pro", names=("Pro",))]
    >>> [function.key for function, _ in named_in("Is there api-access in Pro? It is 9 pro month.", sold)]
    ['api', 'pro']
    """
    written = _Text.read(unicodedata.normalize("NFKC", text[:LONGEST_TEXT]))
    spoken = _Text.read(folded(text[:LONGEST_TEXT]))
    found: list[tuple[int, str, Function, str]] = []
    for function in functions:
        hits = [(spoken.place(folded(name)), name) for name in function.words]
        hits += [(written.place(unicodedata.normalize("NFKC", name)), name) for name in function.names]
        first = min(((at, name) for at, name in hits if at is not None), default=None)
        if first is not None:
            found.append((first[0], function.key, function, first[1]))
    return [(function, name) for _, _, function, name in sorted(found, key=lambda each: each[:2])]


def folded(text: str) -> str:
    """A text as words are compared.

    >>> folded("Ｅxport ＳTRASSE straße")
    'export strasse strasse'
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


@dataclass(frozen=True, slots=True)
class _Text:
    """A text, its words, where each starts, and at which places each word stands."""

    text: str
    words: list[str]
    starts: list[int]
    places: dict[str, list[int]]

    @classmethod
    def read(cls, text: str) -> _Text:
        found = list(_WORD.finditer(text))
        places: dict[str, list[int]] = {}
        for number, match in enumerate(found):
            places.setdefault(match.group(), []).append(number)
        return cls(text, [match.group() for match in found], [match.start() for match in found], places)

    def place(self, name: str) -> int | None:
        """Where a name stands; None where it does not, or is too short to mean anything."""
        if any(_is_unspaced(character) for character in name):
            at = self.text.find(name)
            return None if at < 0 or len(name) < SHORTEST_UNSPACED else at
        wanted = _WORD.findall(name)
        if sum(map(len, wanted)) < SHORTEST_NAME:
            return None
        rarest = min(range(len(wanted)), key=lambda number: len(self.places.get(wanted[number], ())))
        around = (place - rarest for place in self.places.get(wanted[rarest], ()) if place >= rarest)
        starts = (place for place in around if self.words[place : place + len(wanted)] == wanted)
        first = next(starts, None)
        return None if first is None else self.starts[first]


def _is_unspaced(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _UNSPACED)
