"""Words that name what somebody does not have."""

from __future__ import annotations

from models.triggers.facts import Function, Words
from models.triggers.rules.missing_function import MissingFunction
from tests.models.triggers.known import DAY, NOW, facts

TRIGGER = MissingFunction()
API = Function(kind="feature", key="api", words=("API access", "Schnittstelle"))
EXPORT = Function(kind="feature", key="export", words=("Export",))


def _words(text: str, days_ago: float = 0.0) -> Words:
    return Words(text=text, said_in="feedback", at=NOW - days_ago * DAY)


def test_each_thing_named_fires_once_with_the_word_it_was_found_by() -> None:
    """In the order of the text."""
    said = _words("Ohne Export und ohne SCHNITTSTELLE (Schnittstelle!) geht es nicht.")

    found = list(TRIGGER.fires(facts(words=(said,), missing=(API, EXPORT))))

    assert [(fired.subject, fired.evidence["word"]) for fired in found] == [
        ("export", "Export"),
        ("api", "Schnittstelle"),
    ]


def test_what_they_have_is_not_missing() -> None:
    """Only what is among the missing can fire."""
    assert not list(TRIGGER.fires(facts(words=(_words("I love the export"),), missing=(API,))))


def test_the_same_wish_said_twice_in_a_week_is_one() -> None:
    """By once-key, whatever it was said in; a month later it is old news."""
    said = (_words("export, please"), _words("and export?", 1.0), _words("export!", 30.0))

    assert len({fired.once_key for fired in TRIGGER.fires(facts(words=said, missing=(EXPORT,)))}) == 1


def test_a_text_that_names_everything_raises_five() -> None:
    """A list pasted into a form is no wish list."""
    sold = tuple(Function(kind="feature", key=f"f{number}", words=(f"word{number}",)) for number in range(50))

    assert len(list(TRIGGER.fires(facts(words=(_words(" ".join(f"word{n}" for n in range(50))),), missing=sold)))) == 5
