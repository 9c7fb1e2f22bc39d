"""A customer as the business knows them: its own key, where they are, and what they agreed to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError, NotFoundError
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MAX_KEY = 200


class CustomerNotFoundError(NotFoundError):
    """No such customer of this tenant."""

    code = "customer_not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """`key` is the business's own name for the customer; `consents` lists the purposes they agreed to (such as marketing).

    `address` has the lines of a billing address (`line1`, `line2`, `postal_code`, `city`); `country` is ISO 3166 where taxes are charged.
    """

    id: str
    key: str
    created_at: datetime
    name: str = ""
    email: str = ""
    country: str = ""
    zone: str = "UTC"
    consents: tuple[str, ...] = field(default=())
    address: Mapping[str, str] = field(default_factory=dict, hash=False)
    region: str = ""
    tax_id: str = ""
    is_business: bool = False

    def __post_init__(self) -> None:
        if not 0 < len(self.key) <= MAX_KEY or not is_storable(self.key):
            raise InvalidError(
                f"a customer's key has 1 to {MAX_KEY} characters, none of them NUL", key=ascii(self.key[:60])
            )
