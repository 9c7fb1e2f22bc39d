"""Signals and price in sentences that may be told to the customer they are about. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Evidence = Mapping[str, Any]


def said_of(trigger: str, subject: str | None, evidence: Evidence) -> str:
    """What raised a signal.

    >>> said_of("denied_access", "api", {"name": "API access", "count": 4, "days": 7})
    'API access was asked for 4 times within 7 days without being part of the plan.'
    """
    tell = _SENTENCES.get(trigger)
    return tell(subject, evidence) if tell is not None else f"The signal {trigger!r} was raised."


def price_source(kind: str | None, offer: Evidence | None) -> str | None:
    """Where the price of an offer came from; None where nothing was offered."""
    if offer is None:
        return None
    return _PRICES.get(kind or "", "The price is the one in the price list.")


def _limit(subject: str | None, evidence: Evidence) -> str:
    name = evidence.get("name") or subject
    return (
        f"{evidence.get('used')} of {evidence.get('limit')} {name} were used in the present period, "
        f"which is at or above {evidence.get('threshold')} %."
    )


def _denied(subject: str | None, evidence: Evidence) -> str:
    name = evidence.get("name") or subject
    times, days = evidence.get("count"), evidence.get("days")
    return f"{name} was asked for {times} times within {days} days without being part of the plan."


def _intent(subject: str | None, evidence: Evidence) -> str:
    about = f" about {subject}" if subject else ""
    return (
        f"The event {evidence.get('event')!r}{about} was received, which this shop reads as {evidence.get('intent')}."
    )


def _engagement(_subject: str | None, evidence: Evidence) -> str:
    if evidence.get("sign") == "rising":
        return f"{evidence.get('week')} events in seven days, against {evidence.get('weeks_before')} a week in the four weeks before."
    return f"Something was used for the first time: {', '.join(map(str, evidence.get('new', ())))}."


def _missing(subject: str | None, evidence: Evidence) -> str:
    return (
        f"The word {evidence.get('word')!r} stands in what was written ({evidence.get('said_in')}); it names {subject}."
    )


def _moment(_subject: str | None, evidence: Evidence) -> str:
    what = "The trial ends" if evidence.get("moment") == "trial_ending" else "The subscription renews"
    left = evidence.get("days_left")
    return f"{what} within {left} {'day' if left == 1 else 'days'}."


def _risk(_subject: str | None, evidence: Evidence) -> str:
    risk = round(100 * float(evidence.get("risk", 0)))
    return f"A model took the chance of leaving for {risk} % on {evidence.get('as_of')}."


def _leaving(_subject: str | None, evidence: Evidence) -> str:
    ends_at = evidence.get("ends_at")
    return f"The subscription is set to end on {ends_at}." if ends_at else "A cancellation was begun."


_SENTENCES: Final[Mapping[str, Callable[[str | None, Evidence], str]]] = {
    "limit_share": _limit,
    "denied_access": _denied,
    "intent": _intent,
    "engagement": _engagement,
    "missing_function": _missing,
    "life_cycle": _moment,
    "churn_risk": _risk,
    "cancel_started": _leaving,
}
_PRICES: Final[Mapping[str, str]] = {
    "plan": "The price is the plan's in the price list; what was paid for the rest of the present period is set off day by day.",
    "addon": "The price is the add-on's in the price list, for the rest of the present period day by day.",
    "bundle": "The price is the sum of the parts' list prices less the discount that the shop's margin rule allows.",
    "save": "The price is the list price less what was offered to stay.",
}
