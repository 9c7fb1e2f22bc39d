"""One mail to look at before a mailing: the mail that a member would get now, shown or sent to oneself. It leaves no trace."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.email_address import checked_email
from billing.kernel.errors import ConflictError, InvalidError
from features.contact.consent import EMAIL
from features.contact.store import ContactStore
from serving.mail.letter import Composed, sender_of, write_sample
from serving.mail.mailing import member_of
from serving.mail.message import sender_of as address_of
from serving.mail.server import Answer, Connection, parse_server
from serving.predict.contact import contact_now, members_query

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from features.contact.mailing import Letter
    from serving.settings import Settings
    from serving.wiring import Services


class NotContactableError(ConflictError):
    """This customer would not get the mail; `reason` says why."""

    code = "not_contactable"


class NoMailServerError(InvalidError):
    """There is no mail server to hand mail to."""

    code = "no_mail_server"


class NotTakenError(ConflictError):
    """The mail server did not take the mail."""

    code = "mail_not_taken"


def sample(
    services: Services, scope: Scope, *, segment: str, customer: str, purpose: str, letter: Letter, now: datetime
) -> Composed:
    """The mail of one member of a segment. Raises NotContactableError for who would be left out, or is no member."""
    with services.database.view(scope) as unit:
        known = CustomerStore(unit).get(customer)
        contact, _ = contact_now(unit, services.settings, purpose=purpose, channel=EMAIL, now=now, zones=[known.zone])
        store = ContactStore(unit)
        reason = store.allows(known.id, contact)
        if not store.is_among(known.id, members_query(unit, segment)):
            reason = "not_in_segment"
        member, sender = member_of(unit, known.id), sender_of(unit, services)
    if reason is not None:
        raise NotContactableError(f"this customer would not get the mail: {reason}", customer=known.key, reason=reason)
    return write_sample(services, scope, member, letter, purpose=purpose, sender=sender, now=now)


def send_sample(made: Composed, settings: Settings, to: str, url: str) -> None:
    """Send it to somebody else than the member. Raises MailServerAwayError or NotTakenError."""
    recipient = checked_email(to)
    if not recipient:
        raise InvalidError("give the address to send the sample to", field="to")
    message = deepcopy(made.message)
    del message["To"]
    message["To"] = recipient
    with Connection(parse_server(url)) as connection:
        sender = address_of(settings.mail_from).addr_spec
        handed = connection.hand_over(message, sender=sender, recipient=recipient)
    if handed.answer is not Answer.TAKEN:
        raise NotTakenError(
            f"the mail server did not take it: {handed.code} {handed.words}", answer=handed.answer.value
        )


def server_url(settings: Settings, given: str | None) -> str:
    """The mail server that was named, or the installation's. Raises NoMailServerError."""
    url = given or settings.smtp_url.get_secret_value()
    if not url:
        raise NoMailServerError("set UPTIER_SMTP_URL to your mail server, such as smtp+starttls://user:password@host")
    return url
