"""The queries over contact: suppressions, and who of a set of customers may be contacted, decided where the rows are.

Whoever is left out never leaves the database; they are counted there by the first reason that holds, in the order of
`features.contact.consent.REASONS`. Reading everybody who may be contacted holds a chunk in memory at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, func, literal, select

from billing.customers.audience_store import AudienceStore
from billing.db.upsert import insert_new
from features.contact.consent import EMAIL, EVERY, REASONS, Suppression
from features.contact.tables import SuppressionRow
from features.erased.store import ErasureStore

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from billing.db.session import Unit
    from features.contact.consent import Contact

CHUNK = 2_000
"""Members that are in memory at once."""
_SUPPRESSED = tuple(each.value for each in Suppression)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppressed:
    """That a customer is left alone on a channel for a purpose, why, and since when."""

    channel: str
    purpose: str
    reason: Suppression
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A customer who may be contacted."""

    id: str
    key: str
    name: str
    email: str
    country: str
    zone: str


class ContactStore:
    """Reads and writes who of one tenant's customers is left alone."""

    def __init__(self, unit: Unit) -> None:
        self._unit, self._session = unit, unit.session

    def suppress(self, customer_id: str, channel: str, purpose: str | None, reason: Suppression, at: datetime) -> bool:
        """Leave a customer alone from now on; without a purpose for all of them. What is known already keeps its moment: False."""
        row = {
            "customer_id": customer_id,
            "channel": channel,
            "purpose": purpose or EVERY,
            "reason": reason.value,
            "at": at,
        }
        return bool(insert_new(self._session, SuppressionRow, [row], (SuppressionRow.customer_id,)))

    def lift(self, customer_id: str, channel: str, purpose: str) -> list[Suppressed]:
        """End what was said of exactly this channel and purpose; what it was."""
        found = [each for each in self.of_customer(customer_id) if (each.channel, each.purpose) == (channel, purpose)]
        row = SuppressionRow
        ended = delete(row).where(row.customer_id == customer_id, row.channel == channel, row.purpose == purpose)
        self._session.execute(ended.execution_options(synchronize_session=False))
        return found

    def of_customer(self, customer_id: str) -> list[Suppressed]:
        """Everything a customer is left alone for, by channel and purpose."""
        row = SuppressionRow
        query = select(row).where(row.customer_id == customer_id).order_by(row.channel, row.purpose, row.reason)
        return [
            Suppressed(channel=found.channel, purpose=found.purpose, reason=Suppression(found.reason), at=found.at)
            for found in self._session.scalars(query)
        ]

    def forget(self, customer_id: str) -> int:
        """Remove what is known of a customer; how many rows."""
        count = len(self.of_customer(customer_id))
        self._session.execute(
            delete(SuppressionRow)
            .where(SuppressionRow.customer_id == customer_id)
            .execution_options(synchronize_session=False)
        )
        return count

    def allows(self, customer_id: str, contact: Contact) -> str | None:
        """The reason to leave one customer alone, or None: the same query as a selection's."""
        return self.reasons([customer_id], contact).get(customer_id, "erased")

    def reasons(self, ids: Collection[str], contact: Contact) -> dict[str, str | None]:
        """The reason, or None, of each of a few customers; who is unknown is left out."""
        selection = Selection(self._unit, AudienceStore(self._unit).named(sorted(ids)), contact)
        return dict(selection.judged())

    def silenced(self, ids: Collection[str], channel: str) -> set[str]:
        """Those of a few customers (ids) who asked to hear nothing, or nothing of some purpose, on a channel: no offer is made there."""
        row = SuppressionRow
        query = select(row.customer_id).where(row.customer_id.in_(sorted(ids)), row.channel.in_((channel, EVERY)))
        return set(self._session.scalars(query))

    def leavings(self) -> Select[str, datetime]:
        """A part of a query for other stores: `customer_id` and `at` of each time somebody unsubscribed."""
        row = SuppressionRow
        return select(row.customer_id, row.at).where(row.reason == Suppression.UNSUBSCRIBED.value)

    def is_among(self, customer_id: str, members: Select[str]) -> bool:
        """Whether a customer is one of `members` (a query of customer ids)."""
        return AudienceStore(self._unit).has(customer_id, members)

    def zones(self) -> list[str]:
        """Each zone that a customer lives in: which of them are quiet is decided from the clock."""
        return AudienceStore(self._unit).zones()


class Selection:
    """Who of `members` (a query of customer ids) may be contacted. Counts and members agree when read in one transaction."""

    def __init__(self, unit: Unit, members: Select[str], contact: Contact) -> None:
        self._unit, self._session = unit, unit.session
        audience = AudienceStore(unit)
        self._people = audience.people(members, purpose=contact.purpose, salt=contact.holdout_salt)
        self._reason = self._reasoned(contact)

    def counts(self) -> tuple[int, dict[str, int]]:
        """How many may be contacted, and how many are left out by reason, in the order of the reasons."""
        query = select(self._reason, func.count()).select_from(self._people).group_by(self._reason)
        found = {reason: int(count) for reason, count in self._session.execute(query)}
        return found.get(None, 0), {reason: found[reason] for reason in REASONS if reason in found}

    def members(self, *, chunk: int = CHUNK) -> Iterator[list[Member]]:
        """Everybody who may be contacted, in order of key, `chunk` at a time."""
        query = self._included().order_by(self._people.c.key)
        for rows in self._session.execute(query.execution_options(yield_per=chunk)).partitions():
            yield [_member(row) for row in rows]

    def page(self, *, after: str = "", limit: int = CHUNK) -> list[Member]:
        """The same in order of id, from the one after an id: for who writes in between."""
        query = self._included().where(self._people.c.id > after).order_by(self._people.c.id).limit(limit)
        return [_member(row) for row in self._session.execute(query)]

    def judged(self) -> list[tuple[str, str | None]]:
        """(id, reason or None) of all of them, in order of id; for a few."""
        query = select(self._people.c.id, self._reason).order_by(self._people.c.id)
        return [(str(found), reason) for found, reason in self._session.execute(query)]

    def _included(self) -> Any:
        people = self._people.c
        query = select(people.id, people.key, people.name, people.email, people.country, people.zone)
        return query.where(self._reason.is_(None))

    def _reasoned(self, contact: Contact) -> ColumnElement[str | None]:
        """The first reason that holds, as `consent.reason_of` tells it."""
        people = self._people.c
        steps: list[tuple[Any, str]] = [(people.id.in_(ErasureStore(self._unit).ids_query()), "erased")]
        if contact.is_contact:
            steps.append((~people.is_agreed, "no_consent"))
            steps += [(self._has(contact, reason), reason) for reason in _SUPPRESSED]
        if contact.channel == EMAIL:
            steps.append((people.email == "", "no_address"))
        if contact.is_contact and contact.holdout_share:
            steps.append((people.bucket < contact.holdout_share, "holdout"))
        if contact.is_contact and contact.quiet_zones:
            steps.append((people.zone.in_(sorted(contact.quiet_zones)), "quiet_hours"))
        return case(*((condition, literal(reason)) for condition, reason in steps), else_=None).label("reason")

    def _has(self, contact: Contact, reason: str) -> ColumnElement[bool]:
        row = SuppressionRow
        return (
            select(row.customer_id)
            .where(
                row.customer_id == self._people.c.id,
                row.channel.in_((contact.channel, EVERY)),
                row.purpose.in_((contact.purpose, EVERY)),
                row.reason == reason,
            )
            .exists()
        )


def _member(row: Any) -> Member:
    return Member(id=row.id, key=row.key, name=row.name, email=row.email, country=row.country, zone=row.zone)
