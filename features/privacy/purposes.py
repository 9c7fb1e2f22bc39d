"""What kinds of things are held of a customer and what for, in words for the customer; every table of `holdings` belongs to one kind.

A test holds this list against the holdings, so that a new table cannot be held without saying what for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from features.privacy.holdings import HOLDINGS, Treatment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """Rows of some tables. `is_profile` is what opting out of profiling removes at once and lets nobody write again."""

    what: str
    purpose: str
    tables: tuple[str, ...]
    is_profile: bool = False

    @property
    def on_erasure(self) -> str:
        """What becomes of it when the customer is erased: the strictest treatment of its tables that is not removal, if any."""
        found = {HOLDINGS[table].treatment for table in self.tables}
        order = (Treatment.KEPT, Treatment.BLANKED, Treatment.REMOVED)
        return next(treatment.value for treatment in order if treatment in found)


KINDS: Final[Mapping[str, Kind]] = {
    "identity": Kind(
        what="Name, address, e-mail address, tax id, time zone, and what was agreed to",
        purpose="to know whom a contract is with, and what they agreed to",
        tables=("customers", "erasures"),
    ),
    "contract": Kind(
        what="Subscriptions and their changes, rights, prices that were quoted",
        purpose="to give what was bought",
        tables=(
            "subscriptions",
            "subscription_events",
            "pending_lines",
            "grants",
            "holds",
            "hold_gates",
            "quotes",
            "bundle_quotes",
            "redemptions",
        ),
    ),
    "books": Kind(
        what="Invoices, payments, credit and the ledger",
        purpose="to charge what is owed, and because the law asks for it",
        tables=(
            "invoices",
            "credit_notes",
            "deferred_lines",
            "ledger_transactions",
            "ledger_entries",
            "payment_attempts",
            "payment_methods",
            "dunnings",
            "wallets",
        ),
    ),
    "usage": Kind(
        what="Events that the shop sent: use of the product, and what they add up to",
        purpose="to count what is used against limits and prices; without an opt-out also for recommendations",
        tables=("events", "usage_rollups"),
    ),
    "purchases": Kind(
        what="Purchases",
        purpose="to hide what is owned already; without an opt-out also for recommendations",
        tables=("purchases",),
    ),
    "wishes": Kind(
        what="Wishes that were declared, such as what must never be in a box",
        purpose="to respect them",
        tables=("preferences",),
    ),
    "boxes": Kind(
        what="What was chosen for each box and why, exchanges and ratings",
        purpose="to fill boxes",
        tables=("boxes", "box_acts"),
    ),
    "offers": Kind(
        what="Decisions about offers with their reasons, what was shown, and places in experiments",
        purpose="to show offers rarely, to explain them, and to measure whether they help",
        tables=("decisions", "offer_showings", "experiment_exposures"),
    ),
    "signals": Kind(
        what="What happened that called for an offer, open tickets and begun cancellations",
        purpose="to offer what is asked for, and to sell nothing while something is wrong",
        tables=("signals", "restraints"),
    ),
    "feedback": Kind(
        what="Ratings and reasons, and when somebody was last asked for them",
        purpose="to learn what is good, and not to ask too often",
        tables=("feedback", "feedback_asks"),
    ),
    "contact": Kind(
        what="Wishes to be left alone, and mail that was sent",
        purpose="to write only to who wants it, and only once",
        tables=("contact_suppressions", "mailing_recipients"),
    ),
    "profile": Kind(
        what="Guesses of models, groups of alike customers, and the features they were made of",
        purpose="to recommend and to offer what fits",
        tables=("scores", "kept_scores", "segment_members", "segment_standings", "served_vectors"),
        is_profile=True,
    ),
}
"""By a key that stays."""
