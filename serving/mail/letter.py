"""From a customer and what a mailing says to the mail they get: content composed, both forms rendered, headers set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from billing.tenants.profile.store import ProfileStore
from billing.tenants.store import TenantStore
from features.contact.consent import EMAIL
from features.exports.fields import ITEMS, OFFER, UNSUBSCRIBE
from serving.mail.message import Mail, message_of
from serving.mail.render import Content, Rendered, render_mail
from serving.predict.personal import Wanted, compose_in, preview

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from email.message import EmailMessage

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.contact.mailing import Letter
    from features.contact.store import Member
    from serving.wiring import Services


class NoSenderError(InvalidError):
    """Mail needs somebody who sends it."""

    code = "no_mail_sender"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who writes: the address that mail comes from, the shop's name and postal address."""

    address: str
    name: str
    postal: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A mail that is ready."""

    message: EmailMessage
    rendered: Rendered
    subject: str


def sender_of(unit: Unit, services: Services) -> Sender:
    """The sender of this tenant's mail. Raises NoSenderError."""
    if not services.settings.mail_from:
        raise NoSenderError("set UPTIER_MAIL_FROM to the sender of mail, such as 'Bean Street <hello@shop.example>'")
    profile = ProfileStore(unit).get()
    tenant = TenantStore(unit).find(unit.scope.tenant_id)
    town = " ".join(filter(None, [profile.postal_code, profile.city]))
    lines = tuple(filter(None, [profile.line1, profile.line2, town, profile.country]))
    name = profile.legal_name or (tenant.name if tenant is not None else "")
    return Sender(address=services.settings.mail_from, name=name, postal=lines)


def wanted_of(letter: Letter, purpose: str) -> Wanted:
    """The content that a letter asks for."""
    fields = ("key", UNSUBSCRIBE, *((ITEMS,) if letter.items else ()), *((OFFER,) if letter.with_offer else ()))
    return Wanted(fields=fields, purpose=purpose, channel=EMAIL, items=max(1, letter.items))


def write_in(
    unit: Unit,
    services: Services,
    member: Member,
    letter: Letter,
    *,
    purpose: str,
    sender: Sender,
    reference: str,
    now: datetime,
) -> Composed:
    """The mail to a member; the decision about its offer is part of the caller's transaction."""
    row = compose_in(unit, services, member, wanted_of(letter, purpose), now=now)
    return _composed(row, member, letter, purpose=purpose, sender=sender, reference=reference, now=now)


def write_sample(
    services: Services,
    scope: Scope,
    member: Member,
    letter: Letter,
    *,
    purpose: str,
    sender: Sender,
    now: datetime,
) -> Composed:
    """The same to look at, leaving no trace; its link is the member's own, and works."""
    row = preview(services, scope, member, wanted_of(letter, purpose), now=now)
    reference = f"sample:{scope.tenant_id}:{member.id}:{now.isoformat()}"
    return _composed(row, member, letter, purpose=purpose, sender=sender, reference=reference, now=now)


def _composed(
    row: Mapping[str, Any],
    member: Member,
    letter: Letter,
    *,
    purpose: str,
    sender: Sender,
    reference: str,
    now: datetime,
) -> Composed:
    rendered = render_mail(
        Content(
            title=letter.subject,
            name=member.name,
            greeting=letter.greeting,
            closing=letter.closing,
            items=row.get(ITEMS) or (),
            offer=row.get(OFFER),
            sender=sender.name,
            address=sender.postal,
            purpose=purpose.replace("_", " "),
            zone=member.zone,
            unsubscribe_url=row[UNSUBSCRIBE],
        )
    )
    mail = Mail(
        sender=sender.address,
        recipient=member.email,
        recipient_name=member.name,
        subject=letter.subject,
        text=rendered.text,
        html=rendered.html,
        unsubscribe_url=row[UNSUBSCRIBE],
        reference=reference,
        at=now,
    )
    return Composed(message=message_of(mail), rendered=rendered, subject=letter.subject)
