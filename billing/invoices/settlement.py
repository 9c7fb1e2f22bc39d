"""From priced lines to what an invoice is over: coupons, spending limits and taxes in the order of money. Pure.

The order itself is `billing.pricing.waterfall`; here its answer goes back onto the invoice's lines, each of which keeps what it was priced
at, what came off it and why, and how it is taxed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.invoices.deferred.lines import BUNDLE
from billing.invoices.invoice import Invoice, InvoiceLine
from billing.kernel.money import format_quantity
from billing.pricing.item import Item
from billing.pricing.quote import PricedLine, money_document
from billing.pricing.tax import UNTAXED
from billing.pricing.tax_rules import Category, TaxDecision
from billing.pricing.waterfall import Terms, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.kernel.money import Money
    from billing.pricing.commitment import SpendLimits
    from billing.pricing.discount import Coupon
    from billing.pricing.tax import TaxedLine
    from billing.pricing.waterfall import Bill

_ONE = Decimal(1)


UNDECIDED = TaxDecision(UNTAXED, Category.OUTSIDE)
TAKEN_OUT = "tax_taken_out"  # the rule of what a price that includes a tax loses where none is charged


def untaxed(_line: InvoiceLine) -> TaxDecision:
    """Every line without tax: a shop that has not switched taxes on."""
    return UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What applies to one invoice: `plan_of` names the plan of a version, `tax_of` how a line is taxed."""

    plan_of: Mapping[str, str]
    coupons: tuple[Coupon, ...] = ()
    limits: tuple[SpendLimits, ...] = ()
    tax_of: Callable[[InvoiceLine], TaxDecision] = field(default=untaxed)

    @property
    def moves_nothing(self) -> bool:
        """Whether the lines stand as they were priced."""
        return not self.coupons and not self.limits and self.tax_of is untaxed


def settled(invoice: Invoice, rules: Settlement) -> Invoice:
    """The invoice with coupons, limits and taxes on its lines and their stages in its summary."""
    if rules.moves_nothing:
        return invoice
    taxes = [rules.tax_of(line) for line in invoice.lines]
    items = [
        Item(
            line=_priced(line, tax),
            plan=rules.plan_of.get(line.version_id),
            tax=tax.treatment,
            is_promised=line.kind == BUNDLE,
        )
        for line, tax in zip(invoice.lines, taxes, strict=True)
    ]
    bill = settle(items, invoice.currency, Terms(coupons=rules.coupons, limits=rules.limits), period=invoice.period)
    lines = [
        _with_cuts(line, item, taxed, taken_out=line.amount - item.line.amount)
        for line, item, taxed in zip(invoice.lines, bill.items, bill.taxed.lines, strict=False)
    ]
    added = list(zip(bill.items, bill.taxed.lines, strict=True))[len(invoice.lines) :]
    lines += [_true_up(invoice, rules, item, taxed) for item, taxed in added]
    return replace(invoice, lines=tuple(lines), summary=_summary(bill, taxes))


def _priced(line: InvoiceLine, tax: TaxDecision) -> PricedLine:
    """The line as the waterfall reads it: a key and the amount that is discounted and taxed."""
    return PricedLine(
        key=str(line.document.get("key", line.key)),
        description="",
        quantity=_ONE,
        unit_price=None,
        amount=tax.net_price(line.amount),
        period=None,
        trace=(),
    )


def _with_cuts(line: InvoiceLine, item: Item, taxed: TaxedLine, *, taken_out: Money | None = None) -> InvoiceLine:
    document = dict(line.document)
    cuts = [(cut.rule, cut.key, cut.detail, cut.amount) for cut in item.cuts]
    if taken_out is not None and taken_out.amount_minor:
        cuts.insert(0, (TAKEN_OUT, TAKEN_OUT, "the tax that the price includes and that is not charged", taken_out))
    if cuts:
        document["cuts"] = [
            {"rule": rule, "key": key, "detail": detail, "amount": money_document(-amount)}
            for rule, key, detail, amount in cuts
        ]
    if taxed.taxes:
        document["taxes"] = _tax_documents(taxed)
    return replace(line, net=taxed.net, tax=taxed.tax, document=document)


def _true_up(invoice: Invoice, rules: Settlement, item: Item, taxed: TaxedLine) -> InvoiceLine:
    """The line that a minimum adds, under the version of the plan it belongs to."""
    version_id = next((version for version, plan in rules.plan_of.items() if plan == item.plan), invoice.version_ids[0])
    line = InvoiceLine.untaxed(
        f"commitment:{invoice.id}:{item.line.key}",
        "commitment",
        item.line.amount,
        version_id=version_id,
        document=item.line.to_document(),
    )
    return _with_cuts(line, item, taxed)


def _tax_documents(taxed: TaxedLine) -> list[dict[str, Any]]:
    return [
        {"key": rate.key, "percent": format_quantity(rate.percent), "amount": money_document(tax)}
        for rate, tax in taxed.taxes
    ]


def _summary(bill: Bill, taxes: list[TaxDecision]) -> dict[str, Any]:
    """The stages from charges to what is due, the taxes by rate, what each coupon took, and the sentences the law asks for."""
    categories = {rate.key: tax.category.value for tax in taxes for rate in tax.treatment.rates}
    return {
        "stages": [step.to_document() for step in bill.trace()],
        "taxes": [
            {
                "key": total.rate.key,
                "percent": format_quantity(total.rate.percent),
                "category": categories.get(total.rate.key, ""),
                "base": money_document(total.base),
                "tax": money_document(total.tax),
            }
            for total in bill.taxed.totals
        ],
        "coupons": [
            {
                "key": taken.coupon.key,
                "amount": money_document(taken.amount),
                "unused": money_document(taken.unused),
            }
            for taken in bill.coupons
        ],
        "notes": sorted({tax.reason for tax in taxes if tax.reason}),
    }
