"""The programme's earnings and the measures of success as HTML: the part that a page shows, and one file that needs nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from babel.numbers import format_currency
from jinja2 import Environment, PackageLoader, StrictUndefined

from serving.report_file import framed
from serving.success.charts import Amount, amounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ENVIRONMENT = Environment(
    loader=PackageLoader("serving.success"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TITLE: Final = "What offers brought"
_NAMES: Final = {
    "programme": "All offers together",
    "limit_near": "Close to a limit",
    "feature_denied": "Asked for a feature outside the plan",
    "missing_function": "Named something they do not have",
    "intent": "Looked at prices, invited or exported",
    "life_cycle": "Trial or period about to end",
    "engagement": "Uses it more than before",
    "likely_upgrade": "Likely to upgrade",
    "bundle": "Bundle",
    "save": "About to leave",
}
GUARDED: Final = {
    "churn": "Left",
    "downgrades": "Moved down",
    "refunds": "Got money back",
    "support_contacts": "Wrote to support",
    "unsubscribes": "Unsubscribed",
}


def programme_body(around: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The programme's earnings as a part of a page, its chart inline."""
    told = [row for row in rows if row["state"] == "shown"]
    chart = amounts("earned", "What offers brought beyond what would have come anyway", [_amount(row) for row in told])
    return _ENVIRONMENT.get_template("programme.html").render(
        around=around, rows=rows, told=told, chart=chart, guarded=GUARDED
    )


def success_body(around: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The measures of success as a part of a page."""
    return _ENVIRONMENT.get_template("success.html").render(around=around, rows=rows)


def self_contained(around: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """The programme's earnings as one HTML file with its style and chart in it; it loads nothing and runs nothing."""
    return framed(programme_body(around, rows), title=_TITLE, heading=_TITLE)


def money(value: Mapping[str, str] | None) -> str:
    """An amount for people.

    >>> money({"amount": "-1234.50", "currency": "EUR"})
    '-€1,234.50'
    """
    return "–" if value is None else str(format_currency(Decimal(value["amount"]), value["currency"], locale="en"))


def named(offer: str) -> str:
    """An offer as people call it."""
    return _NAMES.get(offer, offer.replace("_", " ").capitalize())


def _amount(row: Mapping[str, Any]) -> Amount:
    value, low, high = (row[f"incremental_revenue{part}"] for part in ("", "_low", "_high"))
    return Amount(
        name=named(row["offer"]),
        value=float(value["amount"]),
        low=float(low["amount"]),
        high=float(high["amount"]),
        said=f"{money(value)} ({money(low)} to {money(high)})",
    )


def shown(row: Mapping[str, Any], name: str) -> str:
    """A value of a measure as people read it: money, a share in percent, or a number."""
    value = row[name]
    if value is None:
        return "–"
    if row["unit"] == "money":
        return money(value)
    return f"{value:.2f}" if row["unit"] == "times" else f"{value:.1%}"


def signed(row: Mapping[str, Any], name: str) -> str:
    """The same with its sign; a difference of shares in points."""
    value = row[name]
    if value is None:
        return "–"
    if row["unit"] == "money":
        return money(value) if value["amount"].startswith("-") else f"+{money(value)}"
    return f"{value:+.2f}" if row["unit"] == "times" else points(value)


def points(value: float | None) -> str:
    """A difference of shares.

    >>> points(0.0123), points(None)
    ('+1.2 points', '–')
    """
    return "–" if value is None else f"{value * 100:+.1f} points"


_ENVIRONMENT.filters |= {"money": money, "named": named, "points": points}
_ENVIRONMENT.globals |= {"shown": shown, "signed": signed}
