"""What a decision is, what it looks like to an experiment, and the place that an offer takes under the caps."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from billing.kernel.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

HELD_OUT: Final = "holdout"
"""The reason of a decision that kept an offer back to measure by."""

RESERVED_FOR: Final = timedelta(seconds=60)
"""How long an offer that was served keeps its place before an impression confirms it (experiments study, section 8)."""


class DecisionNotFoundError(NotFoundError):
    """No such decision of this tenant."""

    code = "decision_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One evaluation for one customer at one placement. Without a target no offer was made, and `reason` says why.

    `would_target` is what a held-out or control customer would have been offered; `propensity` the chance in (0, 1] with which the offer
    was drawn among those allowed; `expected_minor` what it was expected to earn, in minor units of `currency`. `offer` is the document that
    was answered; `experiments` are the arms that the decision exposed, one document each.
    """

    id: str
    customer_id: str
    placement: str
    target: str | None
    target_kind: str | None
    quote_id: str | None
    message: str
    reason: str
    trace: Mapping[str, Any]
    decided_at: datetime
    expires_at: datetime | None
    outcomes: frozenset[str] = frozenset()
    member: str | None = None
    rule: str | None = None
    would_target: str | None = None
    is_held_out: bool = False
    propensity: float = 1.0
    expected_minor: int | None = None
    currency: str | None = None
    offer: Mapping[str, Any] | None = None
    experiments: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A decision as an experiment sees it: the offer was made, or was due and kept back because the customer is held out."""

    customer_id: str
    decided_at: datetime
    treated: bool
    propensity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Showing:
    """A place under the caps. It counts while its reservation lasts (until `expires_at`), and from `confirmed_at` on once it was seen.

    A counterfactual one was never shown and is confirmed from the start. `open_until` and `revision` say how long, and at which state of
    the subscription, the offer behind it can be taken; `outcomes` when each kind of outcome came.
    """

    decision_id: str
    customer_id: str
    member: str | None
    target: str
    placement: str
    decided_at: datetime
    reserved_at: datetime
    expires_at: datetime
    rule: str | None = None
    confirmed_at: datetime | None = None
    is_counterfactual: bool = False
    open_until: datetime | None = None
    revision: int | None = None
    outcomes: Mapping[str, datetime] = field(default_factory=dict)

    def counts_at(self, now: datetime) -> bool:
        """Whether it takes a place at `now`: seen, or served so lately that it may still be.

        >>> from datetime import UTC, datetime
        >>> at = datetime(2026, 1, 31, tzinfo=UTC)
        >>> showing = reserve(decision_id="d", customer_id="c", member=None, target="plus", placement="home", at=at)
        >>> showing.counts_at(at), showing.counts_at(at + RESERVED_FOR)
        (True, False)
        """
        return self.confirmed_at is not None or now < self.expires_at

    def again(self, at: datetime) -> Showing:
        """Served once more before it was seen: the reservation begins anew."""
        return replace(self, reserved_at=at, expires_at=at + RESERVED_FOR)

    @property
    def taken_at(self) -> datetime:
        """Since when it counts in a cap's window: when it was seen, else when it was last served."""
        return self.confirmed_at or self.reserved_at


def reserve(
    *,
    decision_id: str,
    customer_id: str,
    member: str | None,
    target: str,
    placement: str,
    at: datetime,
    rule: str | None = None,
    is_counterfactual: bool = False,
    open_until: datetime | None = None,
    revision: int | None = None,
) -> Showing:
    """A new place, reserved for a minute; what is never shown takes its place at once."""
    return Showing(
        decision_id=decision_id,
        customer_id=customer_id,
        member=member,
        target=target,
        placement=placement,
        decided_at=at,
        reserved_at=at,
        expires_at=at + RESERVED_FOR,
        rule=rule,
        confirmed_at=at if is_counterfactual else None,
        is_counterfactual=is_counterfactual,
        open_until=open_until,
        revision=revision,
    )
