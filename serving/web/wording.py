"""From values to the words on a page: money in its currency's form, numbers with thousands, days in the shop's own zone.

Display only: nothing read here is ever calculated with. Used as template filters, so each takes one value.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from babel.numbers import format_currency
from jinja2 import pass_context

from billing.kernel.cadence import zone_of
from billing.kernel.clock import parse_instant
from billing.kernel.money import Money
from billing.pricing.rated import price_text

if TYPE_CHECKING:
    from jinja2.runtime import Context

_REASONS = {
    "limit_near": "Close to a limit",
    "feature_denied": "Asked for a feature outside the plan",
    "likely_upgrade": "Likely to upgrade",
    "missing_function": "Missed something that is for sale",
    "intent": "Looked for more",
    "engagement": "Uses more than before",
    "life_cycle": "A trial ends or a renewal is near",
    "save": "May leave, or is leaving",
    "bundle": "Goes with what they have",
    "holdout": "Control group: shown nothing, to measure against",
    "experiment": "In the arm of an experiment that shows nothing",
    "not_in_arm": "Not in this arm of the experiment",
    "no_subscription": "No subscription to improve",
    "killed": "Switched off",
    "no_consent": "No consent to offers",
    "ticket_open": "Waits for an answer of the support",
    "incident": "Something is out of order",
    "cancelling": "Is cancelling",
    "held_back": "Something speaks against selling now",
    "grace": "New: left alone in the first days",
    "quiet_hours": "Night where they are",
    "cooling_down": "Said 'not now' lately",
    "cap_offer": "Saw this offer often enough",
    "cap_placement": "Saw enough offers at this place",
    "cap_person": "Saw an offer lately",
    "cap_customer": "Their people saw enough offers lately",
    "cap_tenant": "Enough offers were shown to everybody",
    "not_worth_it": "Would annoy more than it brings",
    "not_drawn": "Another offer was drawn",
    "same_target": "Offered for a better reason",
    "saving_first": "Who may leave is sold nothing",
    "nothing_to_offer": "Nothing useful to offer",
    "open_offer": "Offer still open",
    "not_in_plan": "not in the plan",
    "limit_reached": "limit reached",
    "within_limit": "within the limit",
    "granted": "included",
    "default": "by default",
    "over_limit": "over the limit, which is soft",
    "in_grace": "over the limit, in its grace",
    "payment_overdue": "an invoice is unpaid for too long",
    "failed_open": "nothing could be read, and it is open then",
    "failed_closed": "nothing could be read, and it is closed then",
    "unlimited": "no limit",
}

_METRICS = {
    "auc": "Right order of any two customers (AUC)",
    "brier": "Squared error of the probabilities (Brier)",
    "log loss": "Surprise at what happened (log loss)",
    "log loss gain over the rule": "Surprise avoided, compared with the rule (log loss)",
    "ece10": "Promised less found rates (ECE)",
    "pr auc": "Share of hits above any cut (PR AUC)",
    "lift at 10 %": "Hits among the highest tenth, beside chance (lift)",
}


def money(value: Money | Mapping[str, str] | None) -> str:
    """An amount for people.

    >>> money(Money(123450, "EUR")), money({"amount": "-0.50", "currency": "USD"}), money(None)
    ('€1,234.50', '-$0.50', '–')
    """
    if value is None:
        return "–"
    found = value if isinstance(value, Money) else Money.of(value["amount"], value["currency"])
    return str(format_currency(found.to_decimal(), found.currency, locale="en"))


def number(value: float | str | Decimal | None) -> str:
    """A count or quantity with thousands and at most two decimals.

    >>> number(1234567), number("2.50"), number(0.125), number(None)
    ('1,234,567', '2.5', '0.12', '–')
    """
    if value is None:
        return "–"
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        return str(value)
    text = f"{exact:,.2f}" if exact.is_finite() else "–"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(value: float | None) -> str:
    """A share for people.

    >>> percent(0.256), percent(0.004), percent(None)
    ('26 %', '0.4 %', '–')
    """
    if value is None:
        return "–"
    shown = 100 * value
    return f"{shown:.1f} %" if 0 < abs(shown) < 1 else f"{shown:.0f} %"


def metric(name: str) -> str:
    """A metric as people who are no statisticians may read it.

    >>> metric("auc"), metric("recall of new items")
    ('Right order of any two customers (AUC)', 'Recall of new items')
    """
    return _METRICS.get(name) or name[:1].upper() + name[1:]


def exact(amount: str, currency: str) -> str:
    """A step's exact amount, with all its decimals and never fewer than the currency has.

    >>> exact("19", "EUR"), exact("-0.333333333333", "EUR"), exact("500", "JPY")
    ('19.00', '-0.333333333333', '500')
    """
    return price_text(Decimal(amount), currency)


def figure(value: float) -> str:
    """A metric with four decimals.

    >>> figure(0.123456)
    '0.1235'
    """
    return f"{value:.4f}"


def words(code: str) -> str:
    """A code as words.

    >>> words("limit_near"), words("because_you_bought")
    ('Close to a limit', 'Because you bought')
    """
    return _REASONS.get(code) or code.replace("_", " ").capitalize()


@pass_context
def day(context: Context, value: datetime | str | None) -> str:
    """A day in the shop's zone, such as 31 Jan 2026."""
    return _said(context, value, "%d %b %Y")


@pass_context
def moment(context: Context, value: datetime | str | None) -> str:
    """A day and time in the shop's zone, such as 31 Jan 2026, 09:00."""
    return _said(context, value, "%d %b %Y, %H:%M")


def _said(context: Context, value: datetime | str | None, pattern: str) -> str:
    if value is None:
        return "–"
    instant = value if isinstance(value, datetime) else parse_instant(value)
    local = instant.astimezone(zone_of(str(context.get("zone", "UTC"))))
    return local.strftime(pattern).removeprefix("0")


def feature_value(name: str, value: float, currency: str) -> str:
    """A feature's value, in the unit that ends its name.

    >>> feature_value("spend_30d_minor", 1250, "EUR"), feature_value("usage_7d_micro", 3_000_000, "EUR")
    ('€12.50', '3')
    """
    if value != value:  # noqa: PLR0124 (the one value that differs from itself: unknown)
        return "unknown"
    if name.endswith("_minor"):
        return money(Money(round(value), currency))
    return number(value / 1_000_000 if name.endswith("_micro") else value)


def initials(name: str) -> str:
    """Up to two letters that stand for a product's picture.

    >>> initials("Red tin of tea"), initials("22855"), initials("")
    ('RT', '22', '?')
    """
    found: list[str] = re.findall(r"[^\W_]+", name)
    if not found:
        return "?"
    return (found[0][0] + found[1][0] if len(found) > 1 else found[0][:2]).upper()


def tile(key: str) -> int:
    """Which of the eight tile colours stands for this key, always the same one."""
    return zlib.crc32(key.encode()) % 8


FILTERS: dict[str, Any] = {
    "money": money,
    "number": number,
    "percent": percent,
    "figure": figure,
    "exact": exact,
    "metric": metric,
    "words": words,
    "day": day,
    "moment": moment,
    "initials": initials,
    "tile": tile,
}
