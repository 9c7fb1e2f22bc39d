"""Mail to a segment: what a member's mail looks like, and how far mailings are. They are sent by `uptier export send`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from features.contact.mailing import MAX_SUBJECT, MAX_TEXT, Letter
from features.contact.mailing_store import MailingStore
from serving.api import documents
from serving.api.context import SecretContext
from serving.mail.sample import sample, send_sample, server_url

if TYPE_CHECKING:
    from features.contact.mailing import Mailing

router = APIRouter(prefix="/v1", tags=["segments"])
_MOST = 100


class SampleBody(BaseModel):
    """Whose mail, what it says, and where to send it; without `to` it is answered and not sent."""

    customer: str = Field(max_length=200)
    subject: str = Field(default="Picked for you", max_length=MAX_SUBJECT)
    greeting: str = Field(default="", max_length=MAX_TEXT)
    closing: str = Field(default="", max_length=MAX_TEXT)
    items: int = Field(default=3, ge=0, le=20)
    offer: bool = True
    purpose: str = Field(default="marketing", max_length=60)
    to: str | None = Field(default=None, max_length=320)


@router.post("/segments/{key}/mail/sample")
def make_sample(key: str, body: SampleBody, context: SecretContext) -> dict[str, Any]:
    """The mail that a member would get now, both forms and its headers; no decision is kept. The link in it is theirs, and works."""
    letter = Letter(
        subject=body.subject,
        greeting=body.greeting,
        closing=body.closing,
        items=body.items,
        with_offer=body.offer,
    )
    services = context.services
    made = sample(
        services,
        context.principal.scope,
        segment=key,
        customer=body.customer,
        purpose=body.purpose,
        letter=letter,
        now=context.now,
    )
    if body.to is not None:
        send_sample(made, services.settings, body.to, server_url(services.settings, None))
    return {
        "subject": made.subject,
        "text": made.rendered.text,
        "html": made.rendered.html,
        "headers": {name: str(value) for name, value in made.message.items() if not name.startswith("Content")},
        "sent_to": body.to,
    }


@router.get("/mailings")
def index(context: SecretContext) -> dict[str, Any]:
    """The newest mailings, with how many recipients are in each state."""
    with context.view() as unit:
        store = MailingStore(unit)
        items = [_mailing(each, store.counts(each.id)) for each in store.recent(_MOST)]
    return documents.page(items, None)


@router.get("/mailings/{mailing_id}")
def show(mailing_id: str, context: SecretContext) -> dict[str, Any]:
    """One mailing: waiting, sent, unsure (on its way when the sender ended), left out and refused, the last two with their reasons."""
    with context.view() as unit:
        store = MailingStore(unit)
        return _mailing(store.get(mailing_id), store.counts(mailing_id))


def _mailing(value: Mailing, counts: dict[str, int]) -> dict[str, Any]:
    return {
        "id": value.id,
        "segment": value.segment,
        "purpose": value.purpose,
        "subject": value.letter.subject,
        "excluded": dict(value.excluded),
        "counts": counts,
        "created_at": documents.instant(value.created_at),
    }
