"""The queries over tax rules: a tenant's own, which stand before the standard table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from billing.catalog.taxes.rule import TaxRule
from billing.catalog.taxes.tables import TaxRuleRow
from billing.kernel.errors import ConflictError, NotFoundError
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from billing.db.session import Unit


class TaxRuleNotFoundError(NotFoundError):
    """No such tax rule of this tenant."""

    code = "tax_rule_not_found"


class TaxRuleOverlapError(ConflictError):
    """Two rates of one class at one place and time: nobody could say which is charged."""

    code = "tax_rule_overlap"


class TaxRuleStore:
    """Reads and writes a tenant's own tax rules."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, rule: TaxRule) -> str:
        """A new rule; the answer is its id. One that would hold beside another is a TaxRuleOverlapError."""
        beside = next((each for each in self.own() if rule.meets(each)), None)
        if beside is not None:
            raise TaxRuleOverlapError(
                f"{beside.id} is the rate there from {beside.valid_from:%Y-%m-%d} on; remove it, or add it again with an end",
                tax_rule=beside.id,
            )
        row = TaxRuleRow(
            id=new_id("txr"),
            country=rule.country,
            region=rule.region,
            tax_class=rule.tax_class,
            rate_key=rule.rate_key,
            percent=rule.percent,
            valid_from=rule.valid_from,
            valid_to=rule.valid_to,
        )
        self._session.add(row)
        self._session.flush()
        return row.id

    def own(self) -> tuple[TaxRule, ...]:
        """The tenant's rules in one query, by country and the day they begin."""
        query = select(TaxRuleRow).order_by(TaxRuleRow.country, TaxRuleRow.valid_from, TaxRuleRow.id)
        return tuple(_rule(row) for row in self._session.scalars(query))

    def remove(self, rule_id: str) -> None:
        """Take a rule away; invoices that were made with it keep their taxes."""
        removed = self._session.execute(delete(TaxRuleRow).where(TaxRuleRow.id == rule_id).returning(TaxRuleRow.id))
        if removed.first() is None:
            raise TaxRuleNotFoundError(f"there is no tax rule {rule_id[:60]!r}", tax_rule=rule_id[:200])


def _rule(row: TaxRuleRow) -> TaxRule:
    return TaxRule(
        id=row.id,
        country=row.country,
        region=row.region,
        tax_class=row.tax_class,
        rate_key=row.rate_key,
        percent=row.percent,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )
