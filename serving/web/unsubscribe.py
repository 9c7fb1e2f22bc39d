"""The page behind the link in every mail: one button ends the mail. Mail programs press it without a page (RFC 8058, one click).

Only a POST changes anything: scanners and previews open every link of a mail. There is no log-in and no cookie; the signed link is all the
proof there is, and what is wrong with a link that does not hold is not told. Doing it twice is the same as once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse

from billing.db.scope import Scope
from billing.tenants.store import TenantStore
from features.contact.change import Reach, unsubscribe
from features.contact.consent import Contact
from features.contact.store import ContactStore
from serving.unsubscribe import LinkError, Subject, secrets_of, subject_of
from serving.web.pages import PageRoute, render
from serving.wiring import Services

if TYPE_CHECKING:
    from billing.tenants.tenant import Tenant

router = APIRouter(include_in_schema=False, route_class=PageRoute)
_MOST_BYTES = 2_000
_NAMES = {"email": "e-mail"}


async def _asked_reach(request: Request) -> Reach:
    """What the page's form asks for; a mail program's request says nothing but that it is one, and means this kind of mail."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            return Reach.CHANNEL
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return Reach.CHANNEL
    asked = parse_qs(body.decode(errors="replace"), max_num_fields=10).get("reach", [""])[0]
    return next((reach for reach in Reach if reach.value == asked), Reach.CHANNEL)


@router.get("/u/{token}")
def page(token: str, request: Request) -> HTMLResponse:
    """What one gets, and the buttons that end it. Opening it ends nothing."""
    services, subject = _subject(request, token)
    tenant = _tenant(services, subject)
    with services.database.view(Scope(subject.tenant_id)) as unit:
        contact = Contact(purpose=subject.purpose, channel=subject.channel)
        reason = ContactStore(unit).allows(subject.customer_id, contact)
    return _shown(tenant, subject, is_done=reason in {"erased", "no_consent", "unsubscribed"})


@router.post("/u/{token}")
def end(token: str, request: Request, reach: Annotated[Reach, Depends(_asked_reach)]) -> HTMLResponse:
    """End it, at once: the next export, mail and decision on that channel leave the customer out."""
    services, subject = _subject(request, token)
    tenant = _tenant(services, subject)
    now = tenant.now(services.clock.now())
    with services.database.unit(Scope(subject.tenant_id)) as unit:
        unsubscribe(unit, subject.customer_id, purpose=subject.purpose, channel=subject.channel, reach=reach, now=now)
    return _shown(tenant, subject, is_done=True)


def _subject(request: Request, token: str) -> tuple[Services, Subject]:
    services = request.app.state.services
    assert isinstance(services, Services)  # noqa: S101 (set by the app factory)
    return services, subject_of(secrets_of(services.settings, services.secret), token)


def _tenant(services: Services, subject: Subject) -> Tenant:
    with services.database.view(Scope(subject.tenant_id)) as unit:
        tenant = TenantStore(unit).find(subject.tenant_id)
    if tenant is None:
        raise LinkError("this link is not complete or was not given out here; open the one in the newest mail")
    return tenant


def _shown(tenant: Tenant, subject: Subject, *, is_done: bool) -> HTMLResponse:
    return render(
        "unsubscribe.html",
        sender=tenant.name,
        purpose=subject.purpose.replace("_", " "),
        channel=_NAMES.get(subject.channel, subject.channel),
        is_done=is_done,
    )
