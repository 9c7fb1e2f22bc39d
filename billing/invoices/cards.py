"""Rate cards by version and currency, read once however many invoices use them: a published version never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.pricing.ratecard import read_card

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.pricing.ratecard import RateCard


class Cards:
    """The versions met so far and their cards. One a run; not shared between threads."""

    def __init__(self) -> None:
        self.versions: dict[str, PlanVersion] = {}
        self._cards: dict[tuple[str, str], RateCard] = {}

    def load(self, unit: Unit, version_ids: Iterable[str]) -> None:
        """Make sure that these versions are known."""
        missing = set(version_ids) - self.versions.keys()
        if missing:
            self.versions.update(CatalogStore(unit).by_ids(missing))

    def of(self, version_id: str, currency: str) -> RateCard:
        """The card of a known version in a currency."""
        card = self._cards.get((version_id, currency))
        if card is None:
            version = self.versions[version_id]
            card = self._cards[version_id, currency] = read_card(version.charges_in(currency), currency)
        return card

    def plans(self, version_ids: Iterable[str]) -> dict[str, str]:
        """The plan or add-on of each version."""
        return {version_id: self.versions[version_id].plan_key for version_id in version_ids}
