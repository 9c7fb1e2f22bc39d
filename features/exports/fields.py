"""What an export may say of a customer: a short list, each field marked with whether it names or describes a person. Pure.

What is not on the list cannot be asked for. Without being asked an export says the key, and by mail the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from billing.kernel.errors import InvalidError
from features.contact.consent import EMAIL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from features.contact.consent import Contact

KEY: Final = "key"
UNSUBSCRIBE: Final = "unsubscribe_url"
ITEMS: Final = "items"
OFFER: Final = "offer"
LEVEL: Final = "level"


class FieldError(InvalidError):
    """A field that exports do not have, or not for this purpose."""

    code = "invalid_export_field"


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what it says, and whether it is personal. Content is composed for each customer; the rest is read."""

    name: str
    says: str
    is_personal: bool
    is_content: bool = False


_ALL: Final = (
    Field(KEY, "your own key of the customer; always there", is_personal=False),
    Field("name", "the name", is_personal=True),
    Field("email", "the e-mail address", is_personal=True),
    Field("country", "the country", is_personal=False),
    Field("zone", "the time zone", is_personal=False),
    Field(UNSUBSCRIBE, "where this customer ends such mail with one click", is_personal=True, is_content=True),
    Field(ITEMS, "items to recommend, each with its name, price and reason", is_personal=True, is_content=True),
    Field(OFFER, "the offer that is made to them, at its price, until it ends", is_personal=True, is_content=True),
    Field(LEVEL, "how personal the items are", is_personal=True, is_content=True),
)
FIELDS: Final = {field.name: field for field in _ALL}


def checked_fields(names: Sequence[str], contact: Contact) -> tuple[str, ...]:
    """The fields of an export in the list's order, the key always among them; none asked for are the default. Raises FieldError.

    >>> from features.contact.consent import Contact
    >>> checked_fields(["email"], Contact(purpose="marketing", channel="email"))
    ('key', 'email')
    """
    unknown = sorted(set(names) - FIELDS.keys())
    if unknown:
        raise FieldError(f"an export may say {', '.join(FIELDS)}", unknown=unknown[:20])
    wanted = set(names) or set(default_fields(contact))
    personal = [field.name for field in _ALL if field.name in wanted and field.is_personal]
    if personal and not contact.is_contact:
        raise FieldError(
            "analytics asks for no consent and is told nothing personal; name the purpose that customers agreed to",
            personal=personal,
        )
    return tuple(name for name in FIELDS if name in wanted or name == KEY)


def default_fields(contact: Contact) -> tuple[str, ...]:
    """As little as the channel needs."""
    return (KEY, "email") if contact.is_contact and contact.channel == EMAIL else (KEY,)
