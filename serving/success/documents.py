"""Reports of success as JSON says them: one row a measure and group, and one row an offer. What is masked is not in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from billing.kernel.clock import format_instant
from billing.kernel.money import Money
from billing.pricing.quote import money_document
from features.success.measures import Unit
from models.success.incremental import Incremental, TooEarly

if TYPE_CHECKING:
    from models.success.figures import Figure
    from models.success.incremental import Estimate
    from models.success.programme import Line
    from serving.predict.success import ProgrammeReport, SuccessReport

_PLACES: Final = 6


def success_around(report: SuccessReport) -> dict[str, Any]:
    """What stands around the rows."""
    return {
        "from": format_instant(report.period.start),
        "to": format_instant(report.period.end),
        "currency": report.currency,
        "by": report.by,
        "customers": {"offered": report.offered, "held_out": report.held_out},
        "masked": None if report.early is None else report.early.reason,
    }


def success_rows(report: SuccessReport) -> list[dict[str, Any]]:
    """A row a measure and group."""
    return [figure_row(figure, report.currency) for figure in report.figures]


def figure_row(figure: Figure, currency: str) -> dict[str, Any]:
    """A measure over all, in each arm, and the difference with its interval; null where there is none or it may not be told."""
    measure = figure.measure

    def value(number: float | None) -> Any:
        return _value(number, measure.unit, currency)

    offered, held_out = figure.offered, figure.held_out
    return {
        "measure": measure.key,
        "title": measure.title,
        "unit": measure.unit.value,
        "group": figure.group,
        "customers": figure.everybody.customers,
        "value": value(figure.everybody.value),
        "offered_customers": None if offered is None else offered.customers,
        "offered": None if offered is None else value(offered.value),
        "held_out_customers": None if held_out is None else held_out.customers,
        "held_out": None if held_out is None else value(held_out.value),
        "difference": value(figure.difference),
        "low": value(figure.low),
        "high": value(figure.high),
        "guardrail": None if figure.harm is None else figure.harm.value,
        "why": figure.why or None,
    }


def programme_around(report: ProgrammeReport) -> dict[str, Any]:
    """What stands around the rows."""
    return {
        "from": format_instant(report.period.start),
        "to": format_instant(report.period.end),
        "currency": report.currency,
        "window_days": report.window_days,
        "margin_bps": report.margin_bps,
    }


def programme_rows(report: ProgrammeReport) -> list[dict[str, Any]]:
    """The programme, then each offer."""
    return [line_row(line) for line in report.lines]


def line_row(line: Line) -> dict[str, Any]:
    """What an offer earned beyond the holdout: revenue, the same with its tails pulled in, margin; and what must not get worse."""
    row: dict[str, Any] = {
        "offer": line.experiment.removeprefix("offer:"),
        "currency": line.currency,
        "offered": line.offered,
        "held_out": line.held_out,
        "state": _state(line.revenue),
        "why": None if isinstance(line.revenue, Incremental) else line.revenue.reason,
    }
    for name, found in (("revenue", line.revenue), ("winsorised", line.winsorised), ("margin", line.margin)):
        row |= _amounts(name, found, line.currency)
    for figure in line.guardrails:
        row[figure.measure.key] = _value(figure.difference, figure.measure.unit, line.currency)
        row[f"{figure.measure.key}_guardrail"] = None if figure.harm is None else figure.harm.value
    return row


def _amounts(name: str, found: Estimate, currency: str) -> dict[str, Any]:
    """An estimate's total with its bounds, and what a customer brought with offers and would have without."""
    if not isinstance(found, Incremental):
        parts = ("incremental_{}", "incremental_{}_low", "incremental_{}_high")
        more = ("{}_per_customer", "{}_per_customer_without")
        return {part.format(name): None for part in (*parts, *more)}
    return {
        f"incremental_{name}": _money(found.total, currency),
        f"incremental_{name}_low": _money(found.total_low, currency),
        f"incremental_{name}_high": _money(found.total_high, currency),
        f"{name}_per_customer": _money(found.mean_offered, currency),
        f"{name}_per_customer_without": _money(found.mean_held_out, currency),
    }


def _state(found: Estimate) -> str:
    if isinstance(found, Incremental):
        return "shown"
    return "too_early" if isinstance(found, TooEarly) else "not_computable"


def _value(number: float | None, unit: Unit, currency: str) -> Any:
    if number is None:
        return None
    return _money(number, currency) if unit is Unit.MONEY else round(number, _PLACES)


def _money(minor: float, currency: str) -> Any:
    return money_document(Money(round(minor), currency))
