"""Money: an integer number of minor units with its currency, so that no binary fraction ever touches an amount.

Rounding is half away from zero unless a caller names another, and happens where it is written, never inside arithmetic.
Source of exponents: ISO 4217 (maintenance agency list), minor-unit column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ZERO_DIGITS = frozenset("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF".split())
_THREE_DIGITS = frozenset("BHD IQD JOD KWD LYD OMR TND".split())
_FOUR_DIGITS = frozenset("CLF UYW".split())
_TWO_DIGITS = frozenset(
    """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
    INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN
    NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XCD YER ZAR ZMW ZWG""".split()
)
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,60})?|\.\d{1,60})([eE][+-]?\d{1,3})?")
MAX_MINOR = 10**15  # a thousand billion cents: far above any invoice, far below a 64-bit column


class MoneyError(InvalidError):
    """An amount or currency that cannot be money."""

    code = "invalid_money"


class Rounding(Enum):
    """The named policies for turning an exact amount into whole minor units."""

    HALF_UP = ROUND_HALF_UP  # half away from zero
    HALF_EVEN = ROUND_HALF_EVEN


def exponent(currency: str) -> int:
    """The number of digits after the point in `currency`: 2 for EUR, 0 for JPY, 3 for KWD.

    >>> exponent("EUR"), exponent("JPY"), exponent("KWD")
    (2, 0, 3)
    """
    if currency in _TWO_DIGITS:
        return 2
    if currency in _ZERO_DIGITS:
        return 0
    if currency in _THREE_DIGITS:
        return 3
    if currency in _FOUR_DIGITS:
        return 4
    raise MoneyError(f"{currency!r} is not a currency of ISO 4217; use a code such as EUR or USD", currency=currency)


def parse_decimal(text: str) -> Decimal:
    """A finite decimal from its text; floats, NaN and infinities are refused.

    >>> parse_decimal("12.340")
    Decimal('12.340')
    """
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise MoneyError(f"{str(text)[:80]!r} is not a decimal number such as 12.34", value=str(text)[:80])
    try:
        value = Decimal(text)
    except (InvalidOperation, ValueError, TypeError):
        raise MoneyError(f"{text!r} is not a decimal number", value=str(text)[:80]) from None
    if not value.is_finite() or abs(value.adjusted()) > 30:
        raise MoneyError(f"{text!r} is not a finite decimal number of a sensible size", value=str(text)[:80])
    return value


def round_minor(exact: Decimal | Fraction | int, rounding: Rounding = Rounding.HALF_UP) -> int:
    """An exact number of minor units rounded to a whole one.

    >>> round_minor(Decimal("2.5")), round_minor(Decimal("-2.5")), round_minor(Fraction(5, 2), Rounding.HALF_EVEN)
    (3, -3, 2)
    """
    if isinstance(exact, int):
        return exact
    fraction = Fraction(exact)
    floor = fraction.numerator // fraction.denominator
    remainder = fraction - floor
    half = Fraction(1, 2)
    if remainder != half:
        return floor + (remainder > half)
    if rounding is Rounding.HALF_EVEN:
        return floor + (floor % 2)
    return floor + (floor >= 0)


@dataclass(frozen=True, slots=True)
class Money:
    """A whole number of minor units (cents for EUR, yen for JPY) and the currency they are in."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise MoneyError("an amount is a whole number of minor units", amount=repr(self.amount_minor))
        if abs(self.amount_minor) > MAX_MINOR:
            raise MoneyError("the amount is beyond what an account can hold", amount=str(self.amount_minor))
        exponent(self.currency)

    @classmethod
    def of(cls, text: str, currency: str) -> Money:
        """Money from major units as text, exact: more digits than the currency has are an error, not a rounding.

        >>> Money.of("12.34", "EUR").amount_minor
        1234
        """
        minor = Fraction(parse_decimal(text)) * 10 ** exponent(currency)
        if minor.denominator != 1:
            raise MoneyError(
                f"{text[:80]} has more digits than {currency} can hold", amount=text[:80], currency=currency
            )
        return cls(minor.numerator, currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        """Nothing, in `currency`."""
        return cls(0, currency)

    @classmethod
    def round(cls, exact_major: Decimal | Fraction, currency: str, rounding: Rounding = Rounding.HALF_UP) -> Money:
        """Money from an exact amount in major units, rounded to the minor unit by a named policy.

        >>> Money.round(Decimal("24.69134"), "USD").text
        '24.69'
        """
        return cls(round_minor(Fraction(exact_major) * 10 ** exponent(currency), rounding), currency)

    def to_decimal(self) -> Decimal:
        """The amount in major units with exactly the currency's digits."""
        return Decimal(self.amount_minor).scaleb(-exponent(self.currency))

    @property
    def text(self) -> str:
        """The amount in major units as the API writes it.

        >>> Money(-5, "EUR").text, Money(500, "JPY").text
        ('-0.05', '500')
        """
        return f"{self.to_decimal():f}"

    def _same(self, other: Money) -> None:
        if self.currency != other.currency:
            raise MoneyError(
                f"{self.currency} and {other.currency} cannot be added or compared",
                left=self.currency,
                right=other.currency,
            )

    def __add__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        self._same(other)
        return Money(self.amount_minor - other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor < other.amount_minor

    def __le__(self, other: Money) -> bool:
        self._same(other)
        return self.amount_minor <= other.amount_minor

    def __str__(self) -> str:
        return f"{self.text} {self.currency}"

    def prorate(self, ratio: Fraction, rounding: Rounding = Rounding.HALF_UP) -> Money:
        """This amount times an exact ratio, rounded once.

        >>> Money(1000, "EUR").prorate(Fraction(1, 3)).text
        '3.33'
        """
        return Money(round_minor(self.amount_minor * ratio, rounding), self.currency)

    def allocate(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` (non-negative integers) that always add up, by largest remainder.

        Ties go to the earlier part, so the answer is the same every time. All-zero weights share evenly.

        >>> [part.text for part in Money(100, "EUR").allocate([1, 1, 1])]
        ['0.34', '0.33', '0.33']
        """
        return [Money(part, self.currency) for part in allocate_minor(self.amount_minor, weights)]


def allocate_minor(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """`amount_minor` split by largest remainder; the parts sum to it exactly. Source: Hamilton's method."""
    if not weights or any(weight < 0 for weight in weights):
        raise MoneyError("an amount is shared over one or more non-negative weights", weights=list(weights))
    total = sum(weights)
    shares = list(weights) if total else [1] * len(weights)
    total = sum(shares)
    sign, size = (-1, -amount_minor) if amount_minor < 0 else (1, amount_minor)
    floors = [size * share // total for share in shares]
    left = size - sum(floors)
    order = sorted(range(len(shares)), key=lambda i: (-(size * shares[i] % total), i))
    for i in order[:left]:
        floors[i] += 1
    return [sign * part for part in floors]


def format_quantity(value: Decimal) -> str:
    """A quantity or unit price as the API writes it: plain digits, no exponent, no trailing zeros.

    >>> format_quantity(Decimal("1500.000")), format_quantity(Decimal("1E+3"))
    ('1500', '1000')
    """
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
