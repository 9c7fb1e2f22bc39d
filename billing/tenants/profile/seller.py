"""The seller as invoices and tax rules know it. Everything may be empty until taxes are switched on, which needs the country."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stdnum import bic, iban
from stdnum.exceptions import ValidationError

from billing.kernel.email_address import checked_email
from billing.kernel.errors import InvalidError
from billing.tenants.profile.tax_id import TaxIdError, checked_tax_id

if TYPE_CHECKING:
    from types import ModuleType

MOST_TERM_DAYS = 365
LANGUAGES = ("en", "de", "fr")


class ProfileError(InvalidError):
    """A seller's profile that contradicts itself; the fact `field` says where."""

    code = "invalid_profile"


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerProfile:
    """`country` is ISO 3166 alpha-2. `taxes` switches taxes on; `exempt` is the small-business exemption; `oss` the EU One Stop Shop."""

    legal_name: str = ""
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    vat_id: str = ""
    registration: str = ""
    email: str = ""
    iban: str = ""
    bic: str = ""
    invoice_prefix: str = ""
    payment_terms_days: int = 14
    language: str = "en"
    taxes: bool = False
    exempt: bool = False
    oss: bool = False

    def __post_init__(self) -> None:
        if self.country and not (len(self.country) == 2 and self.country.isascii() and self.country.isupper()):
            raise ProfileError("country is a code of two capital letters, such as DE", field="country")
        if self.taxes and not self.country:
            raise ProfileError("to charge taxes, say which country you sell from", field="country")
        if self.exempt and self.oss:
            raise ProfileError("an exempt seller charges no tax abroad either: exempt or oss", field="oss")
        if not 0 <= self.payment_terms_days <= MOST_TERM_DAYS:
            raise ProfileError(f"payment terms are 0 to {MOST_TERM_DAYS} days", field="payment_terms_days")

    def checked(self) -> SellerProfile:
        """The profile with its numbers in their compact form, as it may be stored; what is stored is not checked again."""
        if self.language not in LANGUAGES:
            raise ProfileError(f"invoices are written in one of {', '.join(LANGUAGES)}", field="language")
        return replace(
            self,
            vat_id=_checked_vat_id(self.vat_id, self.country),
            email=checked_email(self.email),
            iban=_checked(self.iban, iban, "iban", "DE89370400440532013000"),
            bic=_checked(self.bic, bic, "bic", "COBADEFFXXX"),
        )


def _checked_vat_id(text: str, country: str) -> str:
    try:
        return checked_tax_id(text, country)
    except TaxIdError as error:
        raise TaxIdError(error.detail, **{**error.facts, "field": "vat_id"}) from None


def _checked(text: str, numbers: ModuleType, field: str, example: str) -> str:
    """A bank's number without its spaces; one whose form or check digits are wrong would send money nowhere."""
    if not text.strip():
        return ""
    try:
        return str(numbers.validate(text))
    except ValidationError as error:
        raise ProfileError(f"{text[:50]!r} is no {field.upper()}, such as {example}: {error}", field=field) from None


UNKNOWN_SELLER = SellerProfile()
