"""What keeps an offer from being shown, in order; the first that holds is the reason that is stored.

After a dismissal the customer is left alone for longer each time: 3, 7, 21, then 60 days (experiments study, section 8).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.offers.context import OfferContext

COOL_DOWN_DAYS = (3, 7, 21, 60)
PROMPT_GAP = timedelta(days=7)
PROMPTED = "prompted_recently"


def suppression(context: OfferContext) -> str | None:
    """The reason not to show any offer now, or None."""
    return next((reason for reason, holds in _CHECKS if holds(context)), None)


def cool_down(dismissals: int) -> timedelta:
    """How long to stay silent after so many dismissals.

    >>> cool_down(1).days, cool_down(2).days, cool_down(9).days
    (3, 7, 60)
    """
    return timedelta(days=COOL_DOWN_DAYS[min(dismissals, len(COOL_DOWN_DAYS)) - 1])


def _is_cooling_down(context: OfferContext) -> bool:
    dismissed = [past.decided_at for past in context.past if "dismiss" in past.outcomes]
    return bool(dismissed) and context.now < max(dismissed) + cool_down(len(dismissed))


def _was_prompted(context: OfferContext) -> bool:
    shown = [
        past.decided_at for past in context.past if "impression" in past.outcomes and "accept" not in past.outcomes
    ]
    return bool(shown) and context.now < max(shown) + PROMPT_GAP


_CHECKS: tuple[tuple[str, Callable[[OfferContext], bool]], ...] = (
    ("opted_out", lambda context: context.opted_out),
    ("holdout", lambda context: context.is_held_out),
    ("no_subscription", lambda context: context.current is None),
    ("cooling_down", _is_cooling_down),
    (PROMPTED, _was_prompted),
)
