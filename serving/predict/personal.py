"""What is said to one customer in an export or a mail: items with their reasons, an offer at its exact price, and the link that ends it.

An offer in a mail is a decision like any other, at the placement called like the channel: it keeps to every cap, and it is seen as soon as
it is handed out, since nobody tells us when a mail is opened. Who opted out of profiling gets what is the same for everybody; recommending
and deciding see to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from billing.kernel.errors import UptierError
from features.decisions.showing_store import ShowingStore
from features.exports.content import MOST_ITEMS, Item, Offer
from features.exports.fields import FIELDS, ITEMS, LEVEL, OFFER, UNSUBSCRIBE
from serving.predict.offer import make_decision, make_decisions
from serving.predict.recommend import Ask, recommend
from serving.unsubscribe import Subject, link_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.contact.store import Member
    from serving.wiring import Services

_LOG = structlog.get_logger(__name__)
DEFAULT_ITEMS: Final = 3
_BATCH: Final = 50
"""Customers whose offers are decided in one transaction."""
_BECAUSE: Final = {
    "because_you_bought": "because you bought {name}",
    "goes_with_cart": "goes with {name}",
    "similar_to": "similar to {name}",
    "buy_again": "time to buy it again",
    "trending": "many are buying it now",
    "popular_in_segment": "liked by customers like you",
    "new": "new in the shop",
    "fits_your_prices": "in the price range you choose from",
    "matches_your_taste": "matches what you said you like",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which content, how many items, and what it is for."""

    fields: tuple[str, ...]
    purpose: str
    channel: str
    items: int = DEFAULT_ITEMS

    def __post_init__(self) -> None:
        assert 0 < self.items <= MOST_ITEMS  # noqa: S101 (the borders check what people ask for)

    @property
    def is_composed(self) -> bool:
        """Whether anything has to be found for each customer."""
        return bool({ITEMS, OFFER, LEVEL} & set(self.fields))


class _Undone(Exception):  # noqa: N818 (no error: it ends a transaction without leaving anything)
    """Ends a unit of work without keeping what it wrote."""


def compose(
    services: Services, scope: Scope, members: Sequence[Member], wanted: Wanted, *, now: datetime
) -> list[dict[str, Any]]:
    """The row of each member, in their order: every wanted field."""
    content: dict[str, dict[str, Any]] = {}
    if wanted.is_composed:
        for start in range(0, len(members), _BATCH):
            content |= _contents(services, scope, members[start : start + _BATCH], wanted, now)
    return [_row(services, scope, member, wanted, content.get(member.id, {})) for member in members]


def compose_in(unit: Unit, services: Services, member: Member, wanted: Wanted, *, now: datetime) -> dict[str, Any]:
    """One member's row within a transaction of the caller's, which keeps the decision about the offer or does not."""
    content: dict[str, Any] = {}
    if {ITEMS, LEVEL} & set(wanted.fields):
        content |= _items(unit, services, member.key, wanted.items, now)
    if OFFER in wanted.fields:
        decided = make_decision(unit, services, member.key, placement=wanted.channel, now=now)
        content[OFFER] = _handed_out(unit, decided, now)
    return _row(services, unit.scope, member, wanted, content)


def preview(services: Services, scope: Scope, member: Member, wanted: Wanted, *, now: datetime) -> dict[str, Any]:
    """What a member would get, without leaving a trace: no decision is kept, and no cap is touched."""
    row: dict[str, Any] = {}
    try:
        with services.database.unit(scope) as unit:
            row = compose_in(unit, services, member, wanted, now=now)
            raise _Undone  # noqa: TRY301 (the way out of the transaction)
    except _Undone:
        return row


def _row(
    services: Services, scope: Scope, member: Member, wanted: Wanted, content: Mapping[str, Any]
) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in wanted.fields:
        if name == UNSUBSCRIBE:
            row[name] = unsubscribe_link(services, scope, member.id, wanted)
        elif FIELDS[name].is_content:
            row[name] = content[name]
        else:
            row[name] = getattr(member, name)
    return row


def unsubscribe_link(services: Services, scope: Scope, customer_id: str, wanted: Wanted) -> str:
    """Where a customer ends this kind of mail. Raises NoPublicAddressError."""
    subject = Subject(
        tenant_id=scope.tenant_id, customer_id=customer_id, purpose=wanted.purpose, channel=wanted.channel
    )
    return link_of(services.settings, services.secret, subject)


def _contents(
    services: Services, scope: Scope, members: Sequence[Member], wanted: Wanted, now: datetime
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {member.id: {} for member in members}
    if {ITEMS, LEVEL} & set(wanted.fields):
        with services.database.view(scope) as unit:
            for member in members:
                found[member.id] |= _items(unit, services, member.key, wanted.items, now)
    if OFFER in wanted.fields:
        offers = _offers(services, scope, [member.key for member in members], wanted.channel, now)
        for member in members:
            found[member.id][OFFER] = offers[member.key]
    return found


def _items(unit: Unit, services: Services, customer: str, count: int, now: datetime) -> dict[str, Any]:
    answer = recommend(unit, services.models, Ask(customer=customer, k=count), now=now)
    return {ITEMS: [_item(each).to_document() for each in answer["items"]], LEVEL: answer["level"]}


def _item(shown: Mapping[str, Any]) -> Item:
    price = shown["price"] or {"amount": "", "currency": ""}
    return Item(
        item=shown["item"],
        name=shown["name"] or shown["item"],
        amount=price["amount"],
        currency=price["currency"],
        reason=because(shown["reasons"]),
    )


def because(reasons: Iterable[Mapping[str, Any]]) -> str:
    """The strongest reason in words.

    >>> because([{"kind": "similar_to", "item": "tea", "name": "Green tea", "share": 1.0}])
    'similar to Green tea'
    """
    for reason in reasons:
        named = reason.get("name") or reason.get("item")
        words = _BECAUSE.get(reason["kind"], "")
        if words and (named or "{name}" not in words):
            return words.format(name=named) if "{name}" in words else words
    return ""


def _offers(
    services: Services, scope: Scope, keys: Sequence[str], placement: str, now: datetime
) -> dict[str, dict[str, str] | None]:
    """The offer to each (by key). One for whom none can be decided, such as for a bill that cannot be made, holds up nobody else."""
    try:
        with services.database.unit(scope) as unit:
            decided = make_decisions(unit, services, keys, placement=placement, now=now)
            return {key: _handed_out(unit, found, now) for key, found in zip(keys, decided, strict=True)}
    except UptierError as error:
        if len(keys) == 1:
            _LOG.warning("no offer could be decided", tenant=scope.tenant_id, code=error.code)
            return {keys[0]: None}
    half = len(keys) // 2
    return {
        **_offers(services, scope, keys[:half], placement, now),
        **_offers(services, scope, keys[half:], placement, now),
    }


def _handed_out(unit: Unit, decided: Mapping[str, Any], now: datetime) -> dict[str, str] | None:
    """The offer of a decision, which counts as seen from now on."""
    offer = decided["offer"]
    if offer is None:
        return None
    ShowingStore(unit).confirm(decided["decision_id"], now)
    quote = offer["quote"]
    return Offer(
        decision=decided["decision_id"],
        target=offer["target"],
        name=offer.get("name") or offer["target"],
        amount=quote["total"]["amount"],
        recurring=quote["recurring"]["amount"],
        currency=quote["total"]["currency"],
        message=offer["message"],
        expires_at=offer["expires_at"],
    ).to_document()
