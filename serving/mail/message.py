"""A mail as bytes: both forms of its text, and the headers by which mail programs offer one-click unsubscribing (RFC 8058). Pure.

What people wrote stands in headers that begin and end where we say: a line break in any of them is refused, not folded or dropped.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from email.errors import HeaderParseError, MessageDefect
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from billing.kernel.email_address import EmailError, checked_email
from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime

_LONGEST_LINE = 998
"""What RFC 5322 lets a line be."""
MAX_NAME = 200


class HeaderError(InvalidError):
    """What would stand in a header cannot: it has a line break, or is no address."""

    code = "invalid_mail_header"


class _Unfolded(UnstructuredHeader):
    """A header that is written as it is: folding would write a long address as an encoded word, which mail programs take for no address."""

    name: str  # (given by the registry)

    def fold(self, *, policy: Any) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_REGISTRY = HeaderRegistry()
_REGISTRY.map_to_type("list-unsubscribe", _Unfolded)  # type: ignore[arg-type] # (the registry joins it with its base)
_POLICY = SMTP.clone(header_factory=_REGISTRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Everything of one mail. `message_id` is made of `reference` and the sender's domain, so that the same mail has the same."""

    sender: str
    recipient: str
    recipient_name: str
    subject: str
    text: str
    html: str
    unsubscribe_url: str
    reference: str
    at: datetime


def message_of(mail: Mail) -> EmailMessage:
    """The message. Raises HeaderError."""
    sender = sender_of(mail.sender)
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = _address(mail.recipient_name, mail.recipient)
    message["Subject"] = _line(mail.subject, "subject")
    message["Date"] = format_datetime(mail.at)
    message["Message-ID"] = f"<{hashlib.sha256(mail.reference.encode()).hexdigest()[:32]}@{sender.domain}>"
    url = _line(mail.unsubscribe_url, "unsubscribe_url")
    if not url.isascii() or any(character in url for character in "<> ,") or len(url) > _LONGEST_LINE - 30:
        raise HeaderError("the address for unsubscribing cannot stand in a header", field="unsubscribe_url")
    message["List-Unsubscribe"] = f"<{url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message


def sender_of(text: str) -> Address:
    """A sender such as `Bean Street <hello@shop.example>`. Raises HeaderError.

    >>> sender_of("Bean Street <hello@shop.example>").addr_spec
    'hello@shop.example'
    """
    name, bracket, rest = text.rpartition("<")
    if not bracket:
        return _address("", text.strip())
    return _address(name.strip().strip('"').strip(), rest.removesuffix(">").strip())


def _address(name: str, address: str) -> Address:
    refused = HeaderError(f"{address[:60]!a} is no address that mail can be sent to", field="address")
    try:
        checked = checked_email(_line(address, "address"))
        made = Address(display_name=_line(name, "name")[:MAX_NAME], addr_spec=checked)
    except (EmailError, HeaderParseError, MessageDefect, ValueError, IndexError):
        raise refused from None
    if not checked or not checked.isascii():
        raise refused
    return made


def _line(text: str, field: str) -> str:
    if not text.isprintable():
        raise HeaderError(f"a {field} is one line without control characters", field=field)
    return text
