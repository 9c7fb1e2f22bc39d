"""Plans and add-ons, and their versions: once published a version never changes, and a subscription pins the one it bought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from billing.catalog.terms import PLAIN, PlanTerms
from billing.kernel.errors import ConflictError, InvalidError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.setting import Value


class PlanNotFoundError(NotFoundError):
    """No such plan or add-on of this tenant."""

    code = "plan_not_found"


class PlanKeyTakenError(ConflictError):
    """A plan of that key exists; publish a new version of it instead."""

    code = "plan_key_taken"


class CurrencyNotOfferedError(InvalidError):
    """The plan has no price list in that currency."""

    code = "currency_not_offered"


class PlanKind(Enum):
    """A customer has one plan at a time and any number of add-ons on it."""

    PLAN = "plan"
    ADDON = "addon"


@dataclass(frozen=True, slots=True)
class Granted:
    """One right a version gives: True for a boolean feature, a whole number or None (no limit) for a limit, or a setting."""

    feature: str
    value: Value


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanVersion:
    """What one version costs and gives. `charges` are rate-card documents that the pricing package reads; ids are `pv_...`."""

    id: str
    plan_key: str
    plan_name: str
    kind: PlanKind
    rank: int
    number: int
    currency: str
    interval: str
    interval_count: int
    charges: tuple[Mapping[str, Any], ...]
    grants: tuple[Granted, ...]
    requires: tuple[str, ...]
    published_at: datetime
    terms: PlanTerms = PLAIN

    def __post_init__(self) -> None:
        if not self.plan_key.strip() or len(self.plan_key) > 200:
            raise InvalidError("a plan has a key of 1 to 200 characters", plan=self.plan_key[:60])
        seen: set[str] = set()
        for grant in self.grants:
            if grant.feature in seen:
                raise InvalidError(f"{grant.feature!r} is granted twice by {self.plan_key!r}", feature=grant.feature)
            seen.add(grant.feature)

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies it is offered in, the main one first."""
        return (self.currency, *sorted(self.terms.prices))

    def charges_in(self, currency: str) -> tuple[Mapping[str, Any], ...]:
        """The charges in a currency it is offered in; a CurrencyNotOfferedError that names those otherwise."""
        if currency == self.currency:
            return self.charges
        if currency not in self.terms.prices:
            raise CurrencyNotOfferedError(
                f"{self.plan_key!r} is not sold in {currency[:10]!r}; it is in {', '.join(self.currencies)}",
                plan=self.plan_key,
                offered=list(self.currencies),
            )
        return self.terms.prices[currency]
