"""One tax rate: where it holds, for which class of what is sold, and between which days."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_ALL = 100


class TaxRuleError(InvalidError):
    """A tax rule that cannot hold; the fact `field` says why."""

    code = "invalid_tax_rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRule:
    """`percent` of the net in `country` (and `region`, where it is not None) from `valid_from` until before `valid_to`."""

    country: str
    rate_key: str
    percent: Decimal
    valid_from: datetime
    valid_to: datetime | None = None
    region: str | None = None
    tax_class: str = "standard"
    id: str = ""

    def __post_init__(self) -> None:
        if not _COUNTRY.fullmatch(self.country):
            raise TaxRuleError("country is a code of two capital letters, such as DE", field="country")
        if not self.percent.is_finite() or not 0 <= self.percent <= _ALL:
            raise TaxRuleError("a tax rate is 0 to 100 percent", field="percent")
        if self.valid_to is not None and self.valid_to <= self.valid_from:
            raise TaxRuleError("a rate ends after it begins", field="valid_to")

    def meets(self, other: TaxRule) -> bool:
        """Whether both would be the rate of the same class at the same place and some instant."""
        same = (self.country, self.region, self.tax_class) == (other.country, other.region, other.tax_class)
        ends_before = self.valid_to is not None and self.valid_to <= other.valid_from
        begins_after = other.valid_to is not None and other.valid_to <= self.valid_from
        return same and not ends_before and not begins_after

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at an instant."""
        return self.valid_from <= at and (self.valid_to is None or at < self.valid_to)
