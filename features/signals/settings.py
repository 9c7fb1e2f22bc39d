"""What a business may set about signals: which of its events mean what, how much is much, and other words for what it sells. Pure.

The defaults serve a shop that sets nothing. A document holds only what differs from them; what cannot be meant is refused with the field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_EVENT_TYPES: Final = 50
MOST_SYNONYMS: Final = 20
MOST_NAMED: Final = 500
LONGEST_WORD: Final = 100
_PERCENT: Final = 100


class SignalSettingsError(InvalidError):
    """A setting of signals that cannot be meant."""

    code = "invalid_signal_settings"


@dataclass(frozen=True, slots=True)
class Intent:
    """What an event of a type says a customer is about to do, and how strongly (percent)."""

    name: str
    percent: int


DEFAULT_INTENTS: Final[Mapping[str, Intent]] = {
    "pricing_page_viewed": Intent("pricing", 60),
    "upgrade_clicked": Intent("pricing", 90),
    "invite_sent": Intent("invite", 50),
    "export_requested": Intent("export", 50),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalSettings:
    """Everything that may be set. Counts are of events, lengths in days, chances in percent.

    A feature that was refused `denials` times within `denial_days` raises a signal. Use rises when a week holds at least `active_events`
    and is far above the weeks before. Churn is a risk at `churn_percent` and stops being one below `churn_calm_percent`.
    `synonyms` are other words for a feature, plan or add-on by key, in any language.
    """

    intents: Mapping[str, Intent] = field(default_factory=lambda: dict(DEFAULT_INTENTS))
    tells: tuple[str, ...] = ("feedback", "support_request", "ticket_opened")
    ticket_opened: tuple[str, ...] = ("ticket_opened",)
    ticket_closed: tuple[str, ...] = ("ticket_closed",)
    ticket_days: int = 30
    cancel_started: tuple[str, ...] = ("cancel_started",)
    cancel_given_up: tuple[str, ...] = ("cancel_abandoned",)
    cancel_days: int = 7
    denials: int = 3
    denial_days: int = 7
    active_events: int = 10
    trial_days_left: tuple[int, ...] = (7, 3, 1)
    renewal_days: int = 7
    churn_percent: int = 60
    churn_calm_percent: int = 45
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def event_types(self) -> frozenset[str]:
        """The types of events that mean something by themselves."""
        told = (*self.tells, *self.ticket_opened, *self.ticket_closed, *self.cancel_started, *self.cancel_given_up)
        return frozenset({*self.intents, *told})


_LISTS = ("tells", "ticket_opened", "ticket_closed", "cancel_started", "cancel_given_up")
_NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "ticket_days": (1, 365),
    "cancel_days": (1, 90),
    "denials": (1, 1000),
    "denial_days": (1, 30),
    "active_events": (1, 1_000_000),
    "renewal_days": (1, 60),
    "churn_percent": (1, _PERCENT),
    "churn_calm_percent": (0, _PERCENT),
}


def settings_from(document: Mapping[str, Any]) -> SignalSettings:
    """Settings from a document of those that differ from the defaults; SignalSettingsError names the field that cannot be meant."""
    unknown = sorted(set(document) - {*_LISTS, *_NUMBERS, "intents", "trial_days_left", "synonyms"})
    if unknown:
        raise SignalSettingsError(f"there is no setting {unknown[0][:60]!r}", field=unknown[0][:60])
    given: dict[str, Any] = {name: _words(name, document[name]) for name in _LISTS if name in document}
    given |= {name: _number(name, document[name], *_NUMBERS[name]) for name in _NUMBERS if name in document}
    if "intents" in document:
        given["intents"] = _intents(document["intents"])
    if "trial_days_left" in document:
        given["trial_days_left"] = _days_left(document["trial_days_left"])
    if "synonyms" in document:
        given["synonyms"] = _synonyms(document["synonyms"])
    found = SignalSettings(**given)
    if found.churn_calm_percent >= found.churn_percent:
        raise SignalSettingsError("'churn_calm_percent' lies below 'churn_percent'", field="churn_calm_percent")
    return found


def document_of(settings: SignalSettings) -> dict[str, Any]:
    """Everything that is set, as a document that reads back to the same settings."""
    plain = {name: getattr(settings, name) for name in _NUMBERS}
    return {
        "intents": {kind: {"name": each.name, "percent": each.percent} for kind, each in settings.intents.items()},
        **{name: list(getattr(settings, name)) for name in _LISTS},
        **plain,
        "trial_days_left": list(settings.trial_days_left),
        "synonyms": {key: list(words) for key, words in settings.synonyms.items()},
    }


def _intents(value: object) -> dict[str, Intent]:
    if not isinstance(value, dict) or len(value) > MOST_EVENT_TYPES:
        raise SignalSettingsError(f"'intents' maps at most {MOST_EVENT_TYPES} types of events", field="intents")
    found = {}
    for kind, each in value.items():
        if not isinstance(each, dict) or set(each) - {"name", "percent"}:
            raise SignalSettingsError("an intent is an object with 'name' and 'percent'", field="intents")
        name = _word("intents", each.get("name"))
        found[_word("intents", kind)] = Intent(name, _number("intents", each.get("percent", 50), 1, _PERCENT))
    return found


def _synonyms(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict) or len(value) > MOST_NAMED:
        raise SignalSettingsError(f"'synonyms' maps at most {MOST_NAMED} keys to words", field="synonyms")
    return {_word("synonyms", key): _words("synonyms", words, MOST_SYNONYMS) for key, words in value.items()}


def _days_left(value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > MOST_SYNONYMS:
        raise SignalSettingsError("'trial_days_left' is a list of days", field="trial_days_left")
    return tuple(sorted({_number("trial_days_left", each, 1, 90) for each in value}, reverse=True))


def _words(name: str, value: object, most: int = MOST_EVENT_TYPES) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) > most:
        raise SignalSettingsError(f"'{name}' takes lists of at most {most} words", field=name)
    return tuple(dict.fromkeys(_word(name, each) for each in value))


def _word(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= LONGEST_WORD or not is_storable(value):
        raise SignalSettingsError(f"'{name}' takes words of 1 to {LONGEST_WORD} characters", field=name)
    return value.strip()


def _number(name: str, value: object, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise SignalSettingsError(f"'{name}' takes whole numbers from {least} to {most}", field=name)
    return value
