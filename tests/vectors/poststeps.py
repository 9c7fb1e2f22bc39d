"""Answers to the cases of commitments, coupons and taxes: each case becomes one invoice that the product settles."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.money import Money, Rounding
from billing.pricing.commitment import SpendLimits, cap, true_up, with_commitment
from billing.pricing.discount import FOREVER, AmountOff, Coupon, Duration, Level, PercentOff, Stacking
from billing.pricing.item import Item, Scope, net_of
from billing.pricing.quote import PricedLine
from billing.pricing.rated import Rated, TraceStep
from billing.pricing.tax import TaxRate, TaxRounding, TaxTreatment
from billing.pricing.waterfall import Bill, Terms, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.vectors.case import Case

_CURRENCY = "EUR"
_START = datetime(2025, 1, 1, tzinfo=UTC)


def _money(holder: Mapping[str, Any], field: str, currency: str = _CURRENCY) -> Money | None:
    """The money of `field`, or of `field_cents`, or None where the case has neither."""
    if holder.get(f"{field}_cents") is not None:
        return Money(holder[f"{field}_cents"], currency)
    return None if holder.get(field) is None else Money.of(str(holder[field]), currency)


def _sure(money: Money | None, currency: str = _CURRENCY) -> Money:
    return money or Money.zero(currency)


def _item(key: str, amount: Money, tax: TaxTreatment) -> Item:
    step = TraceStep(rule="fee", detail="as the case gives it", amount=Fraction(amount.to_decimal()))
    line = PricedLine(
        key=key, description=key, quantity=Decimal(1), unit_price=None, amount=amount, period=None, trace=(step,)
    )
    return Item(line=line, tax=tax)


# commitments


def _limits(case: Case) -> SpendLimits:
    days, of = case.given.get("prorate_days", (1, 1))
    return SpendLimits(
        key="limits",
        currency=_CURRENCY,
        minimum=_money(case.given, "minimum"),
        maximum=_money(case.given, "maximum"),
        share=Fraction(days, of),
        already_billed=_money(case.given, "already_billed"),
    )


def _period_items(case: Case) -> list[Item]:
    return [_item("usage", _sure(_money(case.given, "period_usage_amount")), TaxTreatment())]


def _true_up(case: Case) -> str:
    line = true_up(_period_items(case), _limits(case))
    return "0.00" if line is None else line.net.text


def _committed(case: Case) -> Fraction:
    step = TraceStep(rule="usage", detail="at the base rate", amount=Fraction(case.given["usage_amount_at_base_rate"]))
    rated = with_commitment(
        Rated(currency=_CURRENCY, trace=(step,)),
        Decimal(case.given["commitment"]),
        overage=Decimal(str(case.given.get("overage_factor", "1"))),
        must_pay=bool(case.given.get("true_up", True)),
    )
    return rated.exact


COMMITMENT: Mapping[str, Callable[[Case], Any]] = {
    "true_up": _true_up,
    "billable_after_cap": lambda case: net_of(cap(_period_items(case), _limits(case)), _CURRENCY).text,
    "amount": _committed,
}

# invoices


def _treatment(holder: Mapping[str, Any], case: Case) -> TaxTreatment:
    """The rates a line names, or else those of its whole case; a rate's key is its percent, so that equal rates are one."""
    source = holder if "tax_percent" in holder or "tax_percents" in holder else case.given
    percents = source.get("tax_percents", [source["tax_percent"]] if "tax_percent" in source else [])
    inclusive = bool(holder.get("inclusive", case.given.get("inclusive", False)))
    return TaxTreatment(tuple(TaxRate(str(percent), Decimal(str(percent))) for percent in percents), inclusive)


def _currency(case: Case) -> str:
    return str(case.given.get("currency", _CURRENCY))


def _items(case: Case) -> list[Item]:
    """The case's lines; a case that gives one amount in place of lines is an invoice of one line."""
    one = {"amount": case.given.get("taxable", case.given.get("gross", case.given.get("subtotal")))}
    lines = case.given.get("lines", [one])
    currency = _currency(case)
    return [
        _item(str(line.get("id", place)), _sure(_money(line, "amount", currency), currency), _treatment(line, case))
        for place, line in enumerate(lines)
    ]


def _coupon(key: str, holder: Mapping[str, Any], currency: str, level: Level) -> Coupon:
    fixed = _money(holder, "fixed", currency)
    worth = PercentOff(Decimal(str(holder["percent"]))) if fixed is None else AmountOff(fixed)
    charges = frozenset([holder["on"]]) if "on" in holder else frozenset[str]()
    duration = Duration(months=holder["duration_months"]) if "duration_months" in holder else FOREVER
    return Coupon(key=key, worth=worth, scope=Scope(charges=charges), level=level, duration=duration)


def _coupons(case: Case) -> tuple[Coupon, ...]:
    """A coupon on a line, then those on the invoice: a list of them, or fields such as `coupon_fixed_cents`."""
    currency = _currency(case)
    found = [_coupon("line", case.given["line_coupon"], currency, Level.LINE)] if "line_coupon" in case.given else []
    listed = list(case.given.get("coupons", []))
    for prefix in ("coupon_", "invoice_coupon_"):
        fields = {name.removeprefix(prefix): value for name, value in case.given.items() if name.startswith(prefix)}
        if fields.keys() & {"fixed", "fixed_cents", "percent"}:
            listed.append(fields)
    found += [_coupon(f"invoice {place}", holder, currency, Level.INVOICE) for place, holder in enumerate(listed)]
    return tuple(found)


def _rule(case: Case) -> str:
    return f"{case.given.get('tax_round', '')} {case.policy}"


def _tax_rounding(case: Case) -> TaxRounding:
    if "per line" in _rule(case):
        return TaxRounding.PER_LINE
    return TaxRounding.PER_INVOICE if "once per invoice" in _rule(case) else TaxRounding.PER_RATE


def _bill(case: Case, policy: TaxRounding | None = None) -> Bill:
    half_even = "half-even" in _rule(case) or "half_even" in _rule(case)
    terms = Terms(
        coupons=_coupons(case),
        stacking=Stacking.CHAIN if case.given.get("chain", True) else Stacking.SIDE_BY_SIDE,
        tax_rounding=policy or _tax_rounding(case),
        rounding=Rounding.HALF_EVEN if half_even else Rounding.HALF_UP,
    )
    currency = _currency(case)
    return settle(
        _items(case),
        currency,
        terms,
        credit_notes=_money(case.given, "credit_note", currency),
        prepaid=_money(case.given, "wallet_credit", currency),
    )


def _minor(read: Callable[[Bill], Money]) -> Callable[[Case], int]:
    return lambda case: read(_bill(case)).amount_minor


def _text(read: Callable[[Bill], Money]) -> Callable[[Case], str]:
    return lambda case: read(_bill(case)).text


TAX: Mapping[str, Callable[[Case], Any]] = {
    "fees_cents": _minor(lambda bill: bill.charges),
    "coupon_cents": _minor(lambda bill: bill.line_discounts + bill.invoice_discounts),
    "subtotal_cents": _minor(lambda bill: bill.subtotal),
    "line_tax_cents": lambda case: [line.tax.amount_minor for line in _bill(case).taxed.lines],
    "line_tax": lambda case: [line.tax.text for line in _bill(case).taxed.lines],
    "tax_cents": _minor(lambda bill: bill.taxed.tax),
    "tax": _text(lambda bill: bill.taxed.tax),
    "tax_if_rounded_once": lambda case: _bill(case, TaxRounding.PER_INVOICE).taxed.tax.text,
    "net": _text(lambda bill: bill.taxed.net),
    "total_before_credit_cents": _minor(lambda bill: bill.total),
    "total_cents": _minor(lambda bill: bill.due),
    "total": _text(lambda bill: bill.due),
}


def _cycles(case: Case, count: int) -> list[str]:
    """The dues of the first invoices of a price with a coupon that lasts some months, each settled with what covers it."""
    cadence = Cadence(_START, Interval(case.given.get("interval", "month")))
    coupon = _coupon("repeating", case.given, _currency(case), Level.INVOICE)
    price = _item("price", _sure(_money(case.given, "price")), TaxTreatment())
    dues = []
    for number in range(count):
        covered = coupon.duration.covers(number, cadence.period(number), _START)
        dues.append(settle([price], _currency(case), Terms(coupons=(coupon,) if covered else ())).due.text)
    return dues


COUPON: Mapping[str, Callable[[Case], Any]] = {
    "subtotal": _text(lambda bill: bill.charges),
    "after_line_coupon": _text(lambda bill: bill.charges - bill.line_discounts),
    "after_invoice_coupon": _text(lambda bill: bill.subtotal),
    "taxable": _text(lambda bill: bill.taxed.net),
    "tax": _text(lambda bill: bill.taxed.tax),
    "total": _text(lambda bill: bill.due),
    "unused_discount": lambda case: sum(Fraction(taken.unused.to_decimal()) for taken in _bill(case).coupons),
    "invoices": lambda case: _cycles(case, case.given["cycles"]),
    "first_invoice": lambda case: _cycles(case, 1)[0],
    "second_invoice": lambda case: _cycles(case, 2)[1],
}
