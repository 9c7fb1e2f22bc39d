"""What is held of a customer, table by table, and what becomes of it when the customer is erased. Every table with customers is listed.

Three things may become of rows. They are removed; or what they say of a person is blanked while they stay, since others point at them; or
they are kept, because the law asks for them: then the customer they name is an id behind which nobody is found any more. Invoices keep the
parties that they were issued to for as long as books are kept (article 17(3)(b) of the GDPR; section 147 of the German Abgabenordnung).
A test holds this list against the schema, so that a new table cannot be forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from billing.metering.store import EventStore
from billing.payments.collection_store import MethodStore
from billing.purchases.store import PurchaseStore
from billing.tastes.store import TasteStore
from features.boxes.chosen.store import ActStore, BoxStore
from features.contact.mailing_store import MailingStore
from features.contact.store import ContactStore
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from features.experiments.exposures_store import ExposureStore
from features.feedback.store import AskStore, FeedbackStore
from features.scores.store import ScoreStore
from features.segments.standing.store import StandingStore
from features.segments.store import SegmentStore
from features.served.store import ServedStore
from features.signals.restraints.store import RestraintStore
from features.signals.store import SignalStore
from features.watch.store import WatchStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from billing.db.session import Unit

    Forget = Callable[[Unit, str, datetime], int | None]


class Treatment(Enum):
    """What becomes of rows about an erased customer."""

    REMOVED = "removed"
    BLANKED = "blanked"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows about customers: what becomes of them and why; `forget` does it and counts, None where nothing is to be done."""

    treatment: Treatment
    why: str
    forget: Forget | None = None


def _evidence(unit: Unit, customer_id: str, _now: datetime) -> int:
    return EventStore(unit).forget(customer_id)


def _watched(unit: Unit, customer_id: str, _now: datetime) -> None:
    WatchStore(unit).forget([customer_id])


_BOOKS: Final = Holding(Treatment.KEPT, "a record of account, kept nameless for as long as books are kept")
_TERMS: Final = Holding(Treatment.KEPT, "terms that invoices were made by; holds no name")
_WITH: Final = Holding(Treatment.REMOVED, "removed with the rows it belongs to")

USAGE: Final = Holding(
    Treatment.REMOVED, "use that nobody was billed for; what was billed for is kept as evidence, nameless", _evidence
)
HOLDINGS: Final[Mapping[str, Holding]] = {
    "customers": Holding(Treatment.BLANKED, "the id stays, since invoices point at it; key, name and address go"),
    "purchases": Holding(
        Treatment.REMOVED, "what was bought elsewhere", lambda unit, who, _: PurchaseStore(unit).forget(who)
    ),
    "preferences": Holding(
        Treatment.REMOVED, "wishes that were declared", lambda unit, who, _: TasteStore(unit).forget(who)
    ),
    "boxes": Holding(
        Treatment.REMOVED, "what a person was sent, and why", lambda unit, who, _: BoxStore(unit).forget(who)
    ),
    "box_acts": Holding(
        Treatment.REMOVED, "swaps and ratings of a person", lambda unit, who, _: ActStore(unit).forget(who)
    ),
    "events": USAGE,
    "usage_rollups": _WITH,
    "scores": Holding(Treatment.REMOVED, "guesses about a person", lambda unit, who, _: ScoreStore(unit).forget(who)),
    "kept_scores": Holding(Treatment.REMOVED, "guesses that wait for what came", _watched),
    "segment_members": Holding(
        Treatment.REMOVED, "a place among alike", lambda unit, who, _: SegmentStore(unit).forget(who)
    ),
    "segment_standings": Holding(
        Treatment.REMOVED, "a place among alike", lambda unit, who, _: StandingStore(unit).forget(who)
    ),
    "offer_showings": Holding(
        Treatment.REMOVED, "how often offers were shown", lambda unit, who, _: ShowingStore(unit).forget(who)
    ),
    "decisions": Holding(
        Treatment.REMOVED, "offers that were made", lambda unit, who, _: DecisionStore(unit).forget(who)
    ),
    "experiment_exposures": Holding(
        Treatment.REMOVED, "places in experiments", lambda unit, who, _: ExposureStore(unit).forget(who)
    ),
    "signals": Holding(
        Treatment.REMOVED, "what called for an offer", lambda unit, who, _: SignalStore(unit).forget(who)
    ),
    "restraints": Holding(
        Treatment.REMOVED, "tickets and cancellations", lambda unit, who, _: RestraintStore(unit).forget(who)
    ),
    "feedback": Holding(
        Treatment.REMOVED, "what they thought, in their words", lambda unit, who, _: FeedbackStore(unit).forget(who)
    ),
    "feedback_asks": Holding(
        Treatment.REMOVED, "when they were asked", lambda unit, who, _: AskStore(unit).forget(who)
    ),
    "contact_suppressions": Holding(
        Treatment.REMOVED,
        "wishes to be left alone; there is no address left",
        lambda unit, who, _: ContactStore(unit).forget(who),
    ),
    "mailing_recipients": Holding(
        Treatment.REMOVED, "mail that was sent", lambda unit, who, _: MailingStore(unit).forget(who)
    ),
    "served_vectors": Holding(
        Treatment.REMOVED, "features that answers used", lambda unit, who, _: ServedStore(unit).forget(who)
    ),
    "payment_methods": Holding(
        Treatment.BLANKED,
        "attempts name it; token and label go",
        lambda unit, who, now: MethodStore(unit).forget(who, now),
    ),
    "erasures": Holding(Treatment.KEPT, "the proof of the erasure, and what files are filtered by"),
    "grants": _TERMS,
    "holds": _TERMS,
    "hold_gates": _TERMS,
    "subscriptions": _BOOKS,
    "subscription_events": _BOOKS,
    "pending_lines": _BOOKS,
    "quotes": _TERMS,
    "bundle_quotes": _TERMS,
    "redemptions": _TERMS,
    "invoices": Holding(Treatment.KEPT, "the law asks for issued invoices with their parties"),
    "credit_notes": _BOOKS,
    "deferred_lines": _BOOKS,
    "ledger_transactions": _BOOKS,
    "ledger_entries": _BOOKS,
    "payment_attempts": _BOOKS,
    "dunnings": _BOOKS,
    "wallets": _BOOKS,
}
"""By table. Counted among the removed are rows of other tables that go with them, such as outcomes with decisions."""
