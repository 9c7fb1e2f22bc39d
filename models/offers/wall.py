"""What the customer ran into: a feature that was refused, or a limit at its end, and what would open it.

The explanation is owed whatever keeps the promotion back, and counts against no cap.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.offers.context import Wall, gives_more, unlocks
from models.offers.fitting import for_sale

if TYPE_CHECKING:
    from models.offers.context import OfferContext, Target


def wall_of(context: OfferContext) -> Wall | None:
    """The feature refused most often that is still locked, or else the fullest limit at its end; None where nothing is in the way."""
    limited = {use.feature for use in context.limits}
    for feature, _ in sorted(context.denials.items(), key=lambda item: (-item[1], item[0])):
        is_open = context.current is not None and unlocks(context.current, feature)
        if feature not in limited and not is_open:
            return _wall(feature, feature, next((each for each in for_sale(context) if unlocks(each, feature)), None))
    full = [use for use in context.limits if use.used >= use.limit]
    for use in sorted(full, key=lambda use: (-use.ratio, use.feature)):
        more = (each for each in for_sale(context) if gives_more(each, use.feature, use.limit))
        return _wall(use.feature, use.name, next(more, None))
    return None


def _wall(feature: str, name: str, target: Target | None) -> Wall:
    return Wall(
        feature=feature,
        name=name,
        unlocked_by=None if target is None else target.key,
        unlocked_by_name=None if target is None else target.name,
    )
