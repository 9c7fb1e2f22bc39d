"""Amounts as Stripe counts them, which is not always the currency's minor unit. Pure.

Source: Stripe's page "Supported currencies". Zero-decimal currencies are counted whole (MGA too, which has two digits in ISO 4217); ISK and
UGX have no minor unit but are counted in hundredths; currencies of three digits must end in zero.
"""

from __future__ import annotations

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, exponent

_WHOLE = frozenset("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split())
_HUNDREDTHS = frozenset("ISK UGX".split())
_THREE_DIGITS = frozenset("BHD JOD KWD OMR TND".split())


class UncountableError(InvalidError):
    """An amount that Stripe has no number for."""

    code = "amount_not_representable"


def stripe_exponent(currency: str) -> int:
    """How many digits after the point Stripe counts.

    >>> stripe_exponent("EUR"), stripe_exponent("JPY"), stripe_exponent("ISK"), stripe_exponent("KWD"), stripe_exponent("MGA")
    (2, 0, 2, 3, 0)
    """
    if currency in _WHOLE:
        return 0
    return 2 if currency in _HUNDREDTHS else exponent(currency)


def to_stripe(amount: Money) -> int:
    """The number that Stripe takes for an amount; one that would have to be rounded is refused.

    >>> to_stripe(Money(1234, "EUR")), to_stripe(Money(500, "JPY")), to_stripe(Money(5, "ISK")), to_stripe(Money(5120, "KWD"))
    (1234, 500, 500, 5120)
    """
    shift = stripe_exponent(amount.currency) - exponent(amount.currency)
    units, rest = divmod(amount.amount_minor * _power(shift), _power(-shift))
    if rest or (amount.currency in _THREE_DIGITS and units % 10):
        raise UncountableError(f"Stripe cannot take {amount} exactly", amount=amount.text, currency=amount.currency)
    return units


def from_stripe(units: int, currency: str) -> Money:
    """The amount of Stripe's number; `currency` in any case.

    >>> from_stripe(500, "isk").text, from_stripe(500, "mga").text
    ('5', '500.00')
    """
    code = currency.upper()
    shift = exponent(code) - stripe_exponent(code)
    minor, rest = divmod(units * _power(shift), _power(-shift))
    if rest:
        raise UncountableError(f"{units} is no whole amount of {code}", units=units, currency=code)
    return Money(minor, code)


def _power(digits: int) -> int:
    """Ten to the digits; one for fewer than none."""
    return int("1" + "0" * max(digits, 0))
