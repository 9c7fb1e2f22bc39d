"""The order of money on an invoice, in minor units, written down once: what is due follows from it and is never below zero.

Usage and fees, line discounts, spending limits and their true-up, invoice discounts, tax, credit notes, prepaid credits, amount due.
Every stage is kept, and the stages add up to what is due. Credit notes and prepaid credits pay; they do not shrink the tax base.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, Rounding
from billing.pricing.commitment import MAXIMUM, cap, true_up
from billing.pricing.discount import Level, Stacking, discount
from billing.pricing.item import net_of, sum_of
from billing.pricing.rated import TraceStep
from billing.pricing.tax import Taxable, TaxRounding, tax_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from billing.kernel.period import Period
    from billing.pricing.commitment import SpendLimits
    from billing.pricing.discount import Coupon, Taken
    from billing.pricing.item import Item
    from billing.pricing.tax import Taxed


class WaterfallError(InvalidError):
    """Means to pay with that are below zero."""

    code = "invalid_waterfall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What applies to an invoice besides its lines; coupons are those whose duration covers the period.

    `rounding` is that of taxes; discounts and limits round half away from zero, as lines do unless told.
    """

    coupons: tuple[Coupon, ...] = ()
    limits: tuple[SpendLimits, ...] = ()
    stacking: Stacking = Stacking.CHAIN
    tax_rounding: TaxRounding = TaxRounding.PER_RATE
    rounding: Rounding = Rounding.HALF_UP
    is_last_of_period: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """An invoice's money, stage by stage, all in one currency; the stages are what they moved, zero or more but for credits."""

    currency: str
    items: tuple[Item, ...]
    coupons: tuple[Taken, ...]
    taxed: Taxed
    charges: Money
    line_discounts: Money
    above_maximum: Money
    true_up: Money
    invoice_discounts: Money
    credit_notes: Money
    prepaid: Money

    @property
    def subtotal(self) -> Money:
        """The lines after every discount and limit; taxes are in it where prices include them."""
        return net_of(self.items, self.currency)

    @property
    def total(self) -> Money:
        """Net and tax: what the invoice is over, before anything pays it. Below zero where credits outweigh charges."""
        return self.taxed.net + self.taxed.tax

    @property
    def carried(self) -> Money:
        """What the customer is owed where the total is below zero, for a credit note or the next invoice; else zero."""
        return max(-self.total, Money.zero(self.currency))

    @property
    def due(self) -> Money:
        """What is left to pay: zero or more."""
        return self.total + self.carried - self.credit_notes - self.prepaid

    def trace(self) -> tuple[TraceStep, ...]:
        """The stages in their order as steps that add up to what is due; stages that moved nothing are left out."""
        stages = (
            ("charges", "usage and fees", self.charges),
            ("line_discounts", "discounts on lines", -self.line_discounts),
            ("maximum", "above the most a period may cost", -self.above_maximum),
            ("true_up", "missing to the least a period costs", self.true_up),
            ("invoice_discounts", "discounts on the invoice", -self.invoice_discounts),
            ("tax", "taxes on top of prices", self.total - self.subtotal),
            ("carried", "owed to the customer", self.carried),
            ("credit_notes", "paid by credit notes", -self.credit_notes),
            ("prepaid", "paid by prepaid credits", -self.prepaid),
        )
        return tuple(
            TraceStep(rule=rule, detail=detail, amount=Fraction(money.to_decimal()))
            for rule, detail, money in stages
            if money.amount_minor
        )


def settle(
    items: Sequence[Item],
    currency: str,
    terms: Terms,
    *,
    credit_notes: Money | None = None,
    prepaid: Money | None = None,
    period: Period | None = None,
) -> Bill:
    """Bring priced lines down to what is due. `credit_notes` and `prepaid` are what may pay at most; credit notes pay first.

    A minimum is trued up only where the invoice is the last one of its period; `period` is what the true-up line covers.
    """
    first = discount(items, _at(terms.coupons, Level.LINE), currency, stacking=terms.stacking)
    limited = _limited(first.items, terms, period)
    last = discount(limited, _at(terms.coupons, Level.INVOICE), currency, stacking=terms.stacking)
    taxed = tax_lines(
        [Taxable(item.net, item.tax) for item in last.items],
        currency,
        policy=terms.tax_rounding,
        rounding=terms.rounding,
    )
    by_notes, by_prepaid = _payments(taxed.net + taxed.tax, credit_notes, prepaid)
    return Bill(
        currency=currency,
        items=last.items,
        coupons=(*first.taken, *last.taken),
        taxed=taxed,
        charges=net_of(items, currency),
        line_discounts=sum_of((taken.amount for taken in first.taken), currency),
        above_maximum=sum_of((cut.amount for item in limited for cut in item.cuts if cut.rule == MAXIMUM), currency),
        true_up=sum_of((item.line.amount for item in limited[len(first.items) :]), currency),
        invoice_discounts=sum_of((taken.amount for taken in last.taken), currency),
        credit_notes=by_notes,
        prepaid=by_prepaid,
    )


def _at(coupons: Iterable[Coupon], level: Level) -> list[Coupon]:
    return [coupon for coupon in coupons if coupon.level is level]


def _limited(items: tuple[Item, ...], terms: Terms, period: Period | None) -> tuple[Item, ...]:
    """The items within their limits, true-up lines at the end; a limit sees what those before it did, so list charges before plans."""
    for limits in terms.limits:
        items = cap(items, limits)
        missing = true_up(items, limits, period=period) if terms.is_last_of_period else None
        if missing is not None:
            items = (*items, missing)
    return items


def _payments(total: Money, credit_notes: Money | None, prepaid: Money | None) -> tuple[Money, Money]:
    """What credit notes and then prepaid credits pay of a total, each at most what it has."""
    nothing = Money.zero(total.currency)
    notes, credits_ = credit_notes or nothing, prepaid or nothing
    if notes < nothing or credits_ < nothing:
        raise WaterfallError("what may pay an invoice is zero or more", credit_notes=str(notes), prepaid=str(credits_))
    left = max(total, nothing)
    by_notes = min(notes, left)
    return by_notes, min(credits_, left - by_notes)
