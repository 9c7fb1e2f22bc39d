"""A bundle fits what the customer has: offer it as a whole, at its own price."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from models.offers.context import Candidate, OfferKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.offers.context import OfferContext


class Bundle:
    """Applies where bundles were put together for this customer and they own something that these go with, but none of the parts."""

    key: ClassVar[str] = "bundle"
    priority: ClassVar[int] = 45
    is_personal: ClassVar[bool] = True

    def propose(self, context: OfferContext) -> Sequence[Candidate]:
        """Each bundle, the one of higher rank first."""
        if not context.owned:
            return ()
        return [
            Candidate(
                rule=self.key,
                target=target,
                unlocks=None,
                message=f"{target.name} goes well with what you have.",
                strength=float(target.rank),
            )
            for target in context.targets
            if target.kind == OfferKind.BUNDLE.value and context.owned.isdisjoint(target.parts)
        ]
