"""A mailing from its beginning to its last recipient: begun once, sent one by one, and gone on with after whatever stopped it.

Whether a recipient may still be written to is asked again in the transaction that writes down that their mail is about to go; who
unsubscribed a moment ago is left out, and in whose zone it is quiet waits. No transaction is open while the mail server is spoken to.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import structlog

from billing.customers.store import CustomerStore
from billing.kernel.errors import UptierError
from billing.kernel.ids import new_id
from features.contact.change import suppress
from features.contact.consent import EMAIL, EVERY, Suppression
from features.contact.mailing import MOST_ATTEMPTS, Mailing, State
from features.contact.mailing_store import MailingStore
from features.contact.store import CHUNK, ContactStore, Member, Selection
from serving.mail.letter import sender_of, write_in
from serving.mail.message import HeaderError
from serving.mail.message import sender_of as address_of
from serving.mail.server import Answer, MailServerAwayError
from serving.predict.contact import contact_now, members_query
from serving.unsubscribe import require_public_address

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Unit
    from features.contact.mailing import Letter
    from serving.mail.letter import Composed
    from serving.mail.server import Handed
    from serving.mail.server import Sender as MailSender
    from serving.wiring import Services

_LOG = structlog.get_logger(__name__)
_NO_SUCH_MAILBOX: Final = frozenset({550, 551, 553})


@dataclass(slots=True)
class Sent:
    """What a run did, by what became of each recipient it came to; `put_off` wait for another run."""

    done: dict[str, int] = field(default_factory=dict)
    put_off: int = 0


@dataclass(frozen=True, slots=True)
class _Turn:
    """A recipient whose mail is ready; without one they are left out, refused or put off."""

    customer_id: str
    state: State
    attempts: int = 0
    composed: Composed | None = None


def begin(services: Services, scope: Scope, *, segment: str, purpose: str, letter: Letter, now: datetime) -> Mailing:
    """A mailing to everybody of a segment who may be written to now; nothing is sent yet."""
    with services.database.unit(scope) as unit:
        address_of(sender_of(unit, services).address)
        require_public_address(services.settings)
        # Quiet hours are asked at each mail, since a mailing may go on for hours: here in no zone.
        contact, _ = contact_now(unit, services.settings, purpose=purpose, channel=EMAIL, now=now, zones=())
        selection = Selection(unit, members_query(unit, segment), contact)
        _, excluded = selection.counts()
        mailing = Mailing(
            id=new_id("mlg"), segment=segment, purpose=purpose, letter=letter, excluded=excluded, created_at=now
        )
        store, after = MailingStore(unit), ""
        store.add(mailing)
        while members := selection.page(after=after):
            store.add_recipients(mailing.id, [member.id for member in members], now)
            after = members[-1].id
            if len(members) < CHUNK:
                break
    return mailing


def send_all(
    services: Services,
    scope: Scope,
    mailing_id: str,
    server: MailSender,
    *,
    clock: Callable[[], datetime],
    progress: Callable[[Sent], None] = lambda _: None,
) -> Sent:
    """Send to each recipient who waits, once. What is put off (quiet hours, a server that is busy) another run sends.

    Any number of runs may go on at once: a recipient is taken by one of them. Raises MailServerAwayError; what was sent is written down.
    """
    with services.database.view(scope) as unit:
        mailing = MailingStore(unit).get(mailing_id)
    run, after = _Run(services, scope, mailing, server, clock), ""
    while True:
        turn = run.next(after)
        if turn is None:
            return run.sent
        after = turn.customer_id
        run.note(turn.state if turn.composed is None else run.send(turn, turn.composed))
        progress(run.sent)


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a mailing."""

    services: Services
    scope: Scope
    mailing: Mailing
    server: MailSender
    clock: Callable[[], datetime]
    sent: Sent = field(default_factory=Sent)

    def note(self, state: State) -> None:
        if state is State.WAITING:
            self.sent.put_off += 1
        else:
            self.sent.done[state.value] = self.sent.done.get(state.value, 0) + 1

    def next(self, after: str) -> _Turn | None:
        """The next recipient's turn. For whom no offer can be decided, as for a bill that cannot be made, is written to without one."""
        letter = self.mailing.letter
        try:
            with self.services.database.unit(self.scope) as unit:
                return self.take(unit, after, letter)
        except UptierError as error:
            if not letter.with_offer:
                raise
            _LOG.warning("no offer could be decided", tenant=self.scope.tenant_id, code=error.code)
        with self.services.database.unit(self.scope) as unit:
            return self.take(unit, after, replace(letter, with_offer=False))

    def take(self, unit: Unit, after: str, letter: Letter) -> _Turn | None:
        """The next recipient: asked once more whether they may be written to, and if so written down as about to be."""
        store, now = MailingStore(unit), self.clock()
        found = store.next_waiting(self.mailing.id, after=after)
        if found is None:
            return None
        customer_id, attempts = found
        settings, purpose = self.services.settings, self.mailing.purpose
        member = member_of(unit, customer_id)
        contact, _ = contact_now(unit, settings, purpose=purpose, channel=EMAIL, now=now, zones=[member.zone])
        reason = ContactStore(unit).allows(customer_id, contact)
        if reason == "quiet_hours":
            return _Turn(customer_id, State.WAITING)
        if reason is not None:
            store.move(self.mailing.id, customer_id, State.LEFT_OUT, now, attempts=attempts, reason=reason)
            return _Turn(customer_id, State.LEFT_OUT)
        try:
            composed = self._write(unit, member, letter, now)
        except HeaderError as error:
            store.move(self.mailing.id, customer_id, State.REFUSED, now, attempts=attempts, reason=error.code)
            return _Turn(customer_id, State.REFUSED)
        store.move(self.mailing.id, customer_id, State.UNSURE, now, attempts=attempts + 1)
        return _Turn(customer_id, State.UNSURE, attempts + 1, composed)

    def send(self, turn: _Turn, composed: Composed) -> State:
        """Hand the mail over and write down what became of it."""
        sender = address_of(self.services.settings.mail_from).addr_spec
        recipient = composed.message["To"].addresses[0].addr_spec
        try:
            handed = self.server.hand_over(composed.message, sender=sender, recipient=recipient)
        except MailServerAwayError:
            self._settle(turn, State.WAITING, "")
            raise
        state, reason = _state_of(handed, turn.attempts)
        self._settle(turn, state, reason)
        if handed.answer is Answer.REFUSED and handed.code in _NO_SUCH_MAILBOX:
            self._note_bounce(turn.customer_id)
        return state

    def _write(self, unit: Unit, member: Member, letter: Letter, now: datetime) -> Composed:
        return write_in(
            unit,
            self.services,
            member,
            letter,
            purpose=self.mailing.purpose,
            sender=sender_of(unit, self.services),
            reference=f"{self.mailing.id}:{member.id}",
            now=now,
        )

    def _settle(self, turn: _Turn, state: State, reason: str) -> None:
        with self.services.database.unit(self.scope) as unit:
            MailingStore(unit).move(
                self.mailing.id, turn.customer_id, state, self.clock(), attempts=turn.attempts, reason=reason
            )

    def _note_bounce(self, customer_id: str) -> None:
        """There is no such mailbox: nothing is sent there any more until somebody says that the address works."""
        with self.services.database.unit(self.scope) as unit:
            customer = CustomerStore(unit).by_ids([customer_id])[customer_id]
            suppress(unit, customer, EMAIL, EVERY, reason=Suppression.BOUNCED, now=self.clock())


def _state_of(handed: Handed, attempts: int) -> tuple[State, str]:
    if handed.answer is Answer.TAKEN:
        return State.SENT, ""
    words = f"{handed.code} {handed.words}".strip()
    if handed.answer is Answer.LATER:
        return (State.REFUSED, words) if attempts >= MOST_ATTEMPTS else (State.WAITING, "")
    return (State.REFUSED, words) if handed.answer is Answer.REFUSED else (State.UNSURE, words)


def member_of(unit: Unit, customer_id: str) -> Member:
    """A customer as a recipient."""
    customer = CustomerStore(unit).by_ids([customer_id])[customer_id]
    return Member(
        id=customer.id,
        key=customer.key,
        name=customer.name,
        email=customer.email,
        country=customer.country,
        zone=customer.zone,
    )
