"""The queries over bundle quotes and the shop's policy for bundles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from billing.bundles.bundle import BundleQuote, BundleQuoteNotFoundError, PartKind, QuotedPart
from billing.bundles.policy import BundlePolicy, policy_from
from billing.bundles.tables import BundlePolicyRow, BundleQuoteRow
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money
from billing.kernel.period import Period
from billing.pricing.quote import period_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Select

    from billing.db.session import Unit


class BundlePolicyStore:
    """Reads and writes the policy of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def get(self) -> BundlePolicy:
        """The shop's policy; the defaults until it was first put."""
        row = self._session.scalar(select(BundlePolicyRow))
        return BundlePolicy() if row is None else policy_from(row.document)

    def put(self, policy: BundlePolicy, at: datetime) -> None:
        """A policy in place of the one before; quotes that were given keep their prices."""
        row = self._session.scalar(select(BundlePolicyRow).with_for_update())
        if row is None:
            row = BundlePolicyRow()
            self._session.add(row)
        row.document, row.changed_at = policy.to_document(), at
        self._session.flush()


class BundleQuoteStore:
    """Reads and writes the bundle quotes of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, quote: BundleQuote) -> None:
        """A new promise."""
        self._session.add(
            BundleQuoteRow(
                id=quote.id,
                customer_id=quote.customer_id,
                subscription_id=quote.subscription_id,
                revision=quote.revision,
                parts=[_part_document(part) for part in quote.parts],
                total_minor=quote.total.amount_minor,
                currency=quote.currency,
                margin_rule=quote.margin_rule,
                quoted_at=quote.quoted_at,
                expires_at=quote.expires_at,
                accepted_at=quote.accepted_at,
                invoice_id=quote.invoice_id,
            )
        )
        self._session.flush()

    def get(self, quote_id: str) -> BundleQuote:
        """One quote, to read."""
        return self._one(select(BundleQuoteRow), quote_id)

    def lock(self, quote_id: str) -> BundleQuote:
        """One quote as it is now, to accept: others wait until this unit of work ends."""
        return self._one(select(BundleQuoteRow).with_for_update(), quote_id)

    def accept(self, quote_id: str, at: datetime, *, invoice_id: str | None) -> None:
        """Mark a quote as taken, and by which invoice."""
        row = self._session.scalars(select(BundleQuoteRow).where(BundleQuoteRow.id == quote_id)).one()
        row.accepted_at, row.invoice_id = at, invoice_id
        self._session.flush()

    def taken(self) -> Select[str, datetime | None]:
        """A part of a query for other stores: `customer_id` and `at` of each bundle that was bought."""
        row = BundleQuoteRow
        return select(row.customer_id, row.accepted_at.label("at")).where(row.accepted_at.is_not(None))

    def _one(self, query: Select[BundleQuoteRow], quote_id: str) -> BundleQuote:
        fresh = query.where(BundleQuoteRow.id == quote_id).execution_options(populate_existing=True)
        row = self._session.scalar(fresh)
        if row is None:
            raise BundleQuoteNotFoundError(f"there is no bundle quote {quote_id[:60]!r}", quote=quote_id[:200])
        return BundleQuote(
            id=row.id,
            customer_id=row.customer_id,
            subscription_id=row.subscription_id,
            revision=row.revision,
            parts=tuple(_part(document, row.currency) for document in row.parts),
            margin_rule=row.margin_rule,
            quoted_at=row.quoted_at,
            expires_at=row.expires_at,
            accepted_at=row.accepted_at,
            invoice_id=row.invoice_id,
        )


def _part_document(part: QuotedPart) -> dict[str, Any]:
    return {
        "key": part.key,
        "kind": part.kind.value,
        "name": part.name,
        "quantity": part.quantity,
        "list_minor": part.list_price.amount_minor,
        "price_minor": part.price.amount_minor,
        "tax_class": part.tax_class,
        "tax_inclusive": part.tax_inclusive,
        "version_id": part.version_id,
        "service": None if part.service is None else period_document(part.service),
        "bought_before": part.bought_before,
    }


def _part(document: Mapping[str, Any], currency: str) -> QuotedPart:
    service = document["service"]
    return QuotedPart(
        key=document["key"],
        kind=PartKind(document["kind"]),
        name=document["name"],
        quantity=document["quantity"],
        list_price=Money(document["list_minor"], currency),
        price=Money(document["price_minor"], currency),
        tax_class=document["tax_class"],
        tax_inclusive=document["tax_inclusive"],
        version_id=document["version_id"],
        service=None if service is None else Period(parse_instant(service["start"]), parse_instant(service["end"])),
        bought_before=document["bought_before"],
    )
