"""Checks VAT numbers by their published formats and check digits (python-stdnum); whether one is registered is not known offline."""

from __future__ import annotations

from importlib import import_module

from stdnum.eu import vat
from stdnum.exceptions import ValidationError

from billing.kernel.errors import InvalidError

EU_COUNTRIES = frozenset("AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())
_ELSEWHERE = {"GB": "stdnum.gb.vat", "CH": "stdnum.ch.vat", "NO": "stdnum.no.mva"}
_MAX = 40


class TaxIdError(InvalidError):
    """A tax number that its country could not have given out."""

    code = "invalid_tax_id"


def checked_tax_id(number: str, country: str) -> str:
    """The compact form of a VAT number, with its country's letters in the EU; an empty one stays empty.

    Numbers of countries without published rules here are kept as they are. Greece writes its numbers with EL.

    >>> checked_tax_id("DE 136 695 976", "DE")
    'DE136695976'
    """
    text = number.strip().upper()
    if not text:
        return ""
    if len(text) > _MAX:
        raise TaxIdError(f"a tax id has at most {_MAX} characters", field="tax_id")
    if country in EU_COUNTRIES:
        return _european(text, country)
    if country in _ELSEWHERE:
        try:
            return str(import_module(_ELSEWHERE[country]).validate(text))
        except ValidationError as error:
            raise _wrong(text, country, error) from None
    return text


def country_of_tax_id(number: str) -> str | None:
    """The EU member state that a valid VAT number names by its first letters; None for every other number.

    >>> country_of_tax_id("EL094259216"), country_of_tax_id("CHE107787577MWST")
    ('GR', None)
    """
    if not vat.is_valid(number):
        return None
    prefix = "GR" if number[:2].upper() == "EL" else number[:2].upper()
    return prefix if prefix in EU_COUNTRIES else None


def _european(text: str, country: str) -> str:
    prefix = "EL" if country == "GR" else country
    named = text if text[:2].isalpha() else prefix + text
    if named[:2] not in {prefix, country}:
        raise TaxIdError(
            f"{text!r} is not a VAT number of {country}: those begin with {prefix}", field="tax_id", country=country
        )
    try:
        return str(vat.validate(named))
    except ValidationError as error:
        raise _wrong(text, country, error) from None


def _wrong(text: str, country: str, error: ValidationError) -> TaxIdError:
    return TaxIdError(f"{text!r} is not a VAT number of {country}: {error}", field="tax_id", country=country)
