"""Reads a coupon's document strictly: what it is worth, what it is for, how long it lasts, and who may redeem it how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from billing.kernel.clock import parse_instant
from billing.kernel.errors import InvalidError
from billing.kernel.money import Money
from billing.pricing.discount import FOREVER, AmountOff, Coupon, CouponError, Duration, Level, PercentOff, Worth
from billing.pricing.document import check_fields, decimal_field, flag_field, text_field
from billing.pricing.item import Scope

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

_OPTIONAL = {
    "amount",
    "percent",
    "currency",
    "duration",
    "plans",
    "charges",
    "level",
    "redeem_by",
    "max_redemptions",
    "once_per_customer",
    "first_time_only",
}
_MOST_NAMES = 100
_MOST = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Who may redeem: before `redeem_by`, at most `max_redemptions` times in all, once a customer, first-time customers only."""

    redeem_by: datetime | None = None
    max_redemptions: int | None = None
    once_per_customer: bool = False
    first_time_only: bool = False


def parse_coupon(document: Mapping[str, Any]) -> Coupon:
    """The coupon that pricing takes off; a CouponError names the field that is missing, unknown or wrong.

    >>> parse_coupon({"key": "spring", "name": "Spring", "percent": "25"}).worth.words
    '25 % off'
    """
    try:
        return _coupon(document)
    except CouponError:
        raise
    except InvalidError as error:
        raise CouponError(error.detail, **error.facts) from None


def parse_limits(document: Mapping[str, Any]) -> Limits:
    """The limits on redeeming that a coupon's document names."""
    try:
        by = document.get("redeem_by")
        return Limits(
            redeem_by=None if by is None else parse_instant(text_field(document, "redeem_by")),
            max_redemptions=_count(document, "max_redemptions", "max_redemptions"),
            once_per_customer=flag_field(document, "once_per_customer", default=False),
            first_time_only=flag_field(document, "first_time_only", default=False),
        )
    except CouponError:
        raise
    except InvalidError as error:
        raise CouponError(error.detail, **{"field": "redeem_by", **error.facts}) from None


def _coupon(document: Mapping[str, Any]) -> Coupon:
    check_fields(document, required={"key", "name"}, optional=_OPTIONAL)
    text_field(document, "name")
    raw_level = document.get("level", Level.INVOICE.value)
    if raw_level not in [level.value for level in Level]:
        raise CouponError("level is line or invoice", field="level")
    return Coupon(
        key=text_field(document, "key", longest=100),
        worth=_worth(document),
        scope=Scope(plans=_names(document, "plans"), charges=_names(document, "charges")),
        level=Level(raw_level),
        duration=_duration(document.get("duration", "forever")),
    )


def _worth(document: Mapping[str, Any]) -> Worth:
    amount, percent = document.get("amount"), document.get("percent")
    if (amount is None) == (percent is None):
        raise CouponError("a coupon has either an amount or a percent", field="amount")
    if percent is not None:
        if document.get("currency") is not None:
            raise CouponError("a percent has no currency", field="currency")
        return _percent(decimal_field(document, "percent"))
    currency = text_field({"currency": "", **document}, "currency", longest=3)
    return AmountOff(Money.of(f"{decimal_field(document, 'amount'):f}", currency))


def _percent(percent: Decimal) -> PercentOff:
    try:
        return PercentOff(percent)
    except CouponError as error:
        raise CouponError(error.detail, **{**error.facts, "field": "percent"}) from None


def _names(document: Mapping[str, Any], field: str) -> frozenset[str]:
    raw = document.get(field) or []
    if not isinstance(raw, list | tuple) or len(raw) > _MOST_NAMES or not all(isinstance(each, str) for each in raw):
        raise CouponError(f"{field} is a list of at most {_MOST_NAMES} keys", field=field)
    return frozenset(raw)


def _duration(raw: object) -> Duration:
    if raw == "forever":
        return FOREVER
    if not isinstance(raw, Mapping) or len(raw) != 1 or not raw.keys() <= {"periods", "months"}:
        raise CouponError('duration is "forever", {"periods": 3} or {"months": 3}', field="duration")
    return Duration(periods=_count(raw, "periods", "duration.periods"), months=_count(raw, "months", "duration.months"))


def _count(document: Mapping[str, Any], name: str, field: str) -> int | None:
    raw = document.get(name)
    if raw is None:
        return None
    most = _MOST if name == "max_redemptions" else 1200
    if isinstance(raw, bool) or not isinstance(raw, int) or not 1 <= raw <= most:
        raise CouponError(f"{name} is a whole number from 1 to {most}", field=field)
    return raw
