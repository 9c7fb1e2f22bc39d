"""What is known of one customer, for a person or a service to read: values, segments, risks, each with where it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.kernel.clock import format_instant
from features.contact.consent import OPTED_OUT
from features.online import features_of
from features.scores.store import ScoreStore
from features.segments.standing.store import StandingStore
from features.segments.store import SegmentStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.customers.customer import Customer
    from billing.db.session import Unit


_NO_CHANCE = frozenset({"uplift", "value"})
"""Tasks whose documents hold an amount or a difference instead of a chance."""


def profile_of(unit: Unit, customer: Customer, *, now: datetime) -> dict[str, Any]:
    """The profile document of one customer as of now; of one who opted out of profiling there is none, and nothing is computed."""
    if OPTED_OUT in customer.consents:
        return {
            "customer": customer.key,
            "as_of": format_instant(now),
            "profiling": False,
            "segments": [],
            "standings": {},
            "scores": {},
            "features": {},
        }
    segment = SegmentStore(unit).of_customer(customer.id)
    scores = ScoreStore(unit).of_customer(customer.id)
    return {
        "customer": customer.key,
        "as_of": format_instant(now),
        "profiling": True,
        "segments": [] if segment is None else [{"key": segment.key, "name": segment.name}],
        "standings": {
            scheme: {"segment": standing.segment, "since": format_instant(standing.since)}
            for scheme, standing in StandingStore(unit).of_customer(customer.id).items()
        },
        "scores": {
            task: {
                **({} if task in _NO_CHANCE else {"probability": round(score.value, 4)}),
                "as_of": format_instant(score.as_of),
                "model": score.version,
                **score.document,
            }
            for task, score in scores.items()
        },
        "features": features_of(unit, customer.id, now=now),
    }
