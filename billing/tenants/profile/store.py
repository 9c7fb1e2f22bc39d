"""The queries over seller profiles: one a tenant."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.tenants.profile.seller import UNKNOWN_SELLER, SellerProfile
from billing.tenants.profile.tables import SellerProfileRow

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit


class ProfileStore:
    """Reads and writes the profile of the scope's own tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def get(self) -> SellerProfile:
        """The profile; an empty one until it was first put."""
        row = self._session.scalar(select(SellerProfileRow))
        return UNKNOWN_SELLER if row is None else SellerProfile(**row.document)

    def put(self, profile: SellerProfile, at: datetime) -> SellerProfile:
        """Replace the profile by this one, checked; the answer is what is stored. Raises ProfileError, TaxIdError."""
        profile = profile.checked()
        row = self._session.scalar(select(SellerProfileRow).with_for_update())
        if row is None:
            row = SellerProfileRow()
            self._session.add(row)
        row.document, row.updated_at = asdict(profile), at
        self._session.flush()
        return profile
