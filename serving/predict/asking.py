"""What is asked of a decision, and the values it is made of: the card, what was shown so far, and the arms of running experiments. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.offers.context import OfferContext, PastDecision, Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from features.decisions.decision import Showing
    from models.offers.context import Trial
    from serving.predict.cards import Card


class StaleCardError(Exception):
    """What the card says has changed since: it has to be read anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """An `Idempotency-Key` as the asker's own, and what it stands for; `at` is when it came, by the system's clock."""

    key: str
    fingerprint: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One customer's card, where something may be shown, to which member and in which role, and the tenant's time."""

    card: Card
    placement: str
    now: datetime
    member: str | None = None
    role: str | None = None
    replay: Replay | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The decision as it is answered; `reason` is None where the answer was given before and came back by its key."""

    document: Mapping[str, Any]
    reason: str | None


def context_of(
    ask: Ask, decision_id: str, history: Sequence[Showing], trials: tuple[Trial, ...], tenant_shown: int
) -> OfferContext:
    """Everything a decision may look at. `history` are the customer's showings, `tenant_shown` everybody's in the tenant cap's window."""
    card, now = ask.card, ask.now
    revision = card.running.revision if card.running else None
    return OfferContext(
        customer=card.customer.key,
        placement=ask.placement,
        now=now,
        is_held_out=card.is_held_out,
        opted_out=card.opted_out,
        current=card.current,
        targets=card.targets,
        member=ask.member,
        role=ask.role,
        zone=card.customer.zone,
        customer_since=card.customer.created_at,
        consents=frozenset(card.customer.consents),
        owned=card.owned,
        limits=card.seen.limits,
        denials=card.seen.denials,
        signals=card.seen.signals,
        negatives=card.seen.negatives,
        learned=card.learned,
        past=tuple(_past(showing, revision) for showing in history),
        shown=tuple(shown_of(showing) for showing in history if showing.counts_at(now)),
        tenant_shown=tenant_shown,
        policy=card.shelf.policy,
        trials=trials,
        draw_seed=seed_of(decision_id),
        currency=card.running.currency if card.running else "",
    )


def seed_of(decision_id: str) -> int:
    """All chance of a decision comes from its id.

    >>> seed_of("dec_01") == seed_of("dec_01") != seed_of("dec_02")
    True
    """
    return int.from_bytes(decision_id.encode()[-8:], "big")


def _past(showing: Showing, revision: int | None) -> PastDecision:
    """An earlier offer; it is not open any more once the subscription has changed since its price was promised."""
    is_current = showing.revision is None or showing.revision == revision
    return PastDecision(
        id=showing.decision_id,
        target=showing.target,
        placement=showing.placement,
        decided_at=showing.decided_at,
        expires_at=showing.open_until if is_current else None,
        outcomes=frozenset(showing.outcomes),
        rule=showing.rule,
        member=showing.member,
        dismissed_at=showing.outcomes.get("dismiss"),
        is_counterfactual=showing.is_counterfactual,
    )


def shown_of(showing: Showing) -> Shown:
    """A place that counts, as the caps look at it."""
    return Shown(
        decision=showing.decision_id,
        target=showing.target,
        placement=showing.placement,
        member=showing.member,
        at=showing.taken_at,
        confirmed=showing.confirmed_at is not None,
    )
