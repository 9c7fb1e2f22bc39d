"""Amounts, prices, quantities, percents, days and countries as a reader of a language writes them.

Digits after the point are the currency's own by ISO 4217, not those that a locale likes to show; grouping, order and symbols are the
locale's (CLDR, through babel). A minus is the typographic one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal, format_percent

from billing.kernel.money import exponent

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from billing.documents.page import Span
    from billing.kernel.money import Money

_LOCALES = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR"}
_PRICE_DECIMALS = 12
_MINUS = "\u2212"
_CODE_AT_DIGITS = re.compile(r"([A-Z])(?=\d)")  # CLDR: letters beside digits are kept apart


@lru_cache
def locale_of(language: str) -> Locale:
    """The locale of a language; English where the language is not known."""
    return Locale.parse(_LOCALES.get(language, "en_GB"))


def amount(money: Money, language: str) -> str:
    r"""An amount with its currency.

    >>> from billing.kernel.money import Money
    >>> amount(Money(123456, "EUR"), "en"), amount(Money(-1234567, "KWD"), "en"), amount(Money(1234, "JPY"), "en")
    ('€1,234.56', '−KWD\xa01,234.567', 'JP¥1,234')
    """
    digits = exponent(money.currency)
    return _with_currency(money.to_decimal(), money.currency, language, "0" * digits)


def price(unit_price: Decimal, currency: str, language: str) -> str:
    """A unit price with all its digits, at least those of the currency.

    >>> from decimal import Decimal
    >>> price(Decimal("0.00002"), "EUR", "en"), price(Decimal("9"), "EUR", "en")
    ('€0.00002', '€9.00')
    """
    digits = exponent(currency)
    return _with_currency(unit_price, currency, language, "0" * digits + "#" * (_PRICE_DECIMALS - digits))


def quantity(value: Decimal, language: str) -> str:
    """A quantity with all its digits.

    >>> from decimal import Decimal
    >>> quantity(Decimal("1234567.250"), "de")
    '1.234.567,25'
    """
    return format_decimal(value.normalize(), locale=locale_of(language), decimal_quantization=False).replace(
        "-", _MINUS
    )


def percent(value: Decimal, language: str) -> str:
    r"""A percent with all its digits.

    >>> from decimal import Decimal
    >>> percent(Decimal("19"), "de"), percent(Decimal("8.1"), "en")
    ('19\xa0%', '8.1%')
    """
    return format_percent(value.normalize().scaleb(-2), locale=locale_of(language), decimal_quantization=False)


def day(value: date, language: str) -> str:
    """A day, its month named where the language is used to that.

    >>> from datetime import date
    >>> day(date(2026, 2, 14), "en"), day(date(2026, 2, 14), "de")
    ('14 Feb 2026', '14.02.2026')
    """
    return format_date(value, "medium", locale=locale_of(language))


def span(value: Span, language: str) -> str:
    """The first and the last day; a single day once."""
    first, last = day(value.first, language), day(value.last, language)
    return first if value.first == value.last else f"{first} – {last}"


def country(code: str, language: str) -> str:
    """The name of a country by its code of two letters; the code itself where it has none."""
    return str(locale_of(language).territories.get(code, code))


def iban(value: str) -> str:
    """An IBAN in groups of four.

    >>> iban("DE89370400440532013000")
    'DE89 3704 0044 0532 0130 00'
    """
    plain = value.replace(" ", "")
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def _with_currency(value: Decimal, currency: str, language: str, decimals: str) -> str:
    locale = locale_of(language)
    pattern = locale.currency_formats["standard"].pattern.replace("0.00", f"0.{decimals}" if decimals else "0")
    text = format_currency(value, currency, pattern, locale=locale, currency_digits=False)
    return _CODE_AT_DIGITS.sub("\\1\u00a0", text).replace("-", _MINUS)
