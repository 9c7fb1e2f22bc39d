"""Names of plans and add-ons by key, as the newest version of each is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore

if TYPE_CHECKING:
    from billing.db.session import Unit


def plan_names(unit: Unit) -> dict[str, str]:
    """Every plan and add-on."""
    return {key: version.plan_name for key, version in CatalogStore(unit).current().items()}
