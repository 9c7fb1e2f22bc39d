"""A customer's own words, in feedback or to support, name something that is sold and that they do not have."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from models.triggers.contract import Fired
from models.triggers.naming import named_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.triggers.facts import Facts

LASTS: Final = timedelta(days=30)
STRENGTH: Final = 0.8
_MOST: Final = 5


class MissingFunction:
    """Fires about each thing that is named; nothing understands the sentence, so that an operator may follow why."""

    key: ClassVar[str] = "missing_function"

    def fires(self, facts: Facts) -> Iterator[Fired]:
        """At most five a text, in the order of their naming."""
        for words in facts.words:
            if words.at + LASTS <= facts.now:
                continue
            for function, word in named_in(words.text, facts.missing)[:_MOST]:
                yield Fired(
                    trigger=self.key,
                    subject=function.key,
                    strength=STRENGTH,
                    once_key=f"{function.key}:{words.at:%G-W%V}",
                    at=words.at,
                    expires_at=words.at + LASTS,
                    rearms_at=words.at + LASTS,
                    evidence={"word": word, "kind": function.kind, "said_in": words.said_in},
                )
