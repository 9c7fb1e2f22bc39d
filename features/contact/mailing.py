"""A mailing: what is said to the members of a segment, and what became of the one mail that each may get. Pure.

Each recipient gets at most one mail. That a mail is about to be handed over is written down before it is, so who is killed in between
leaves a recipient of whom nobody knows whether they got it: that one is counted as `unsure` and not written to again, since an offer that
comes twice does more harm than one that never came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOST_ATTEMPTS = 5
MAX_SUBJECT = 200
MAX_TEXT = 5_000


class MailingNotFoundError(NotFoundError):
    """No such mailing of this tenant."""

    code = "mailing_not_found"


class MailingError(InvalidError):
    """What a mailing says cannot be sent as it is."""

    code = "invalid_mailing"


class State(Enum):
    """Where a recipient is. `unsure`: handed over, or on the way when the sender ended. `left_out` and `refused` say why."""

    WAITING = "waiting"
    UNSURE = "unsure"
    SENT = "sent"
    LEFT_OUT = "left_out"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is the same in each mail. `greeting` and `closing` are plain text; `items` is how many are recommended, 0 for none."""

    subject: str
    greeting: str = ""
    closing: str = ""
    items: int = 3
    with_offer: bool = True

    def __post_init__(self) -> None:
        if not self.subject.strip() or len(self.subject) > MAX_SUBJECT or not self.subject.isprintable():
            raise MailingError(f"a subject is one line of 1 to {MAX_SUBJECT} characters", field="subject")
        for name, text in (("greeting", self.greeting), ("closing", self.closing)):
            if len(text) > MAX_TEXT or "\0" in text:
                raise MailingError(f"a {name} has at most {MAX_TEXT} characters", field=name)

    def to_document(self) -> dict[str, str | int | bool]:
        """As it is kept."""
        return {
            "subject": self.subject,
            "greeting": self.greeting,
            "closing": self.closing,
            "items": self.items,
            "with_offer": self.with_offer,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """A mailing that was begun; `excluded` counts who was left out when it was, by reason."""

    id: str
    segment: str
    purpose: str
    letter: Letter
    excluded: Mapping[str, int]
    created_at: datetime


def letter_of(document: Mapping[str, object]) -> Letter:
    """The letter that was kept."""
    return Letter(**document)  # type: ignore[arg-type] # (written by `to_document`)
