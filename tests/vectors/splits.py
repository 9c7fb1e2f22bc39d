"""Answers to the cases of progressive billing: the parts of a period, priced one after the other by the product."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from billing.kernel.money import Money
from billing.pricing.charge import Charge, Timing
from billing.pricing.flat import Flat
from billing.pricing.package import Package
from billing.pricing.per_unit import PerUnit
from billing.pricing.progressive import crossed, running_line
from billing.pricing.quote import PricedLine, priced, total
from billing.pricing.registry import parse_model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from billing.pricing.charge import ChargeModel
    from tests.vectors.case import Case

_CURRENCY = "EUR"
_NOT_OF_THE_MODEL = {"splits", "already_invoiced_units", "line_units", "currency", "policy"}
_CENT = PerUnit(Decimal("0.01"))  # usage that a case gives in cents is as many units of a cent each


def _metered(model: ChargeModel) -> Charge:
    return Charge(key="usage", name="Usage", model=model, meter="usage", timing=Timing.ARREARS)


def _model(case: Case) -> ChargeModel:
    return parse_model({field: value for field, value in case.given.items() if field not in _NOT_OF_THE_MODEL})


def _quantities(case: Case) -> list[Decimal]:
    """The units of each part; for a single line, those invoiced before it are the first part."""
    fields = ("already_invoiced_units", "line_units")
    units = case.given.get("splits", [case.given.get(field, "0") for field in fields])
    return [Decimal(str(unit)) for unit in units]


def _lines(charge: Charge, quantities: list[Decimal]) -> list[PricedLine]:
    """One running line a part, each told what the lines before it billed."""
    lines: list[PricedLine] = []
    for part in range(1, len(quantities) + 1):
        so_far = sum(quantities[:part], Decimal(0))
        lines.append(running_line(charge, so_far, total(lines, _CURRENCY)))
    return lines


def _parts(case: Case) -> list[PricedLine]:
    return _lines(_metered(_model(case)), _quantities(case))


def _packages(case: Case) -> int:
    model, quantities = _model(case), _quantities(case)
    if not isinstance(model, Package):
        raise TypeError(f"{case.id} counts packages of another model")
    return model.packages(sum(quantities, Decimal(0))) - model.packages(sum(quantities[:-1], Decimal(0)))


@dataclass(frozen=True, slots=True)
class _Threshold:
    """A plan's fee and its usage, invoiced once at a threshold and once at the end."""

    fee: PricedLine
    usage: PricedLine
    at_threshold: PricedLine
    rest: PricedLine


def _threshold(case: Case) -> _Threshold:
    plan = Flat(Decimal(case.given["plan_cents"]) / 100)
    fee = priced(Charge(key="plan", name="Plan", model=plan, meter=None, timing=Timing.ADVANCE), Decimal(1), _CURRENCY)
    usage, reached = Decimal(case.given["usage_cents_total"]), Decimal(case.given["usage_at_threshold_cents"])
    nothing = Money.zero(_CURRENCY)
    worth = priced(_metered(_CENT), reached, _CURRENCY).amount
    bills = crossed([Money(case.given["threshold_cents"], _CURRENCY)], nothing, worth) is not None
    at_threshold = running_line(_metered(_CENT), reached if bills else Decimal(0), nothing)
    rest = running_line(_metered(_CENT), usage, at_threshold.amount)
    return _Threshold(fee, priced(_metered(_CENT), usage, _CURRENCY), at_threshold, rest)


PROGRESSIVE: Mapping[str, Callable[[Case], Any]] = {
    "parts": lambda case: [line.amount.text for line in _parts(case)],
    "sum": lambda case: total(_parts(case), _CURRENCY).text,
    "amount": lambda case: Fraction(_parts(case)[-1].amount.to_decimal()),
    "packages": _packages,
    "threshold_invoice_cents": lambda case: _threshold(case).at_threshold.amount.amount_minor,
    "final_fees_cents": lambda case: (_threshold(case).fee.amount + _threshold(case).usage.amount).amount_minor,
    "progressive_credit_cents": lambda case: (
        (_threshold(case).usage.amount - _threshold(case).rest.amount).amount_minor
    ),
    "final_total_cents": lambda case: (_threshold(case).fee.amount + _threshold(case).rest.amount).amount_minor,
}
