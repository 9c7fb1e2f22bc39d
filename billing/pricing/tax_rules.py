"""Decides how a line is taxed: by whom it is sold, to whom, what it is and when. Pure; the rates are given.

Sources: Directive 2006/112/EC, Articles 44, 58, 59c and 196 (services between member states), Articles 44 and 59 (buyers outside), 282-292
(small enterprises). Policy for prices that include tax: the price was made for the home market, so where nothing is charged (reverse
charge, export) the net is what remains after the seller's domestic rate is taken out, and the buyer is charged that net.

Territories with VAT rules of their own (the Canaries, Ceuta, Livigno, Åland and others) are the tenant's to say, by rules for regions.
Monaco is taxed as France and the Isle of Man as the United Kingdom (Article 7). Northern Ireland counts as GB: it is in the Union's
territory for goods, and services are not, so a number that begins with XI makes no reverse charge.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.pricing.tax import TaxError, TaxRate, TaxTreatment
from billing.tenants.profile.tax_id import EU_COUNTRIES, country_of_tax_id

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.taxes.rule import TaxRule
    from billing.kernel.money import Money

_TAXED_AS = {"MC": "FR", "IM": "GB"}
REVERSE_CHARGE = "Reverse charge, Article 196 Directive 2006/112/EC"
EXPORT = "Not subject to tax: supplied to a customer outside the seller's tax territory"
SMALL_BUSINESS = "No tax charged: small-business exemption"


class MissingRateError(TaxError):
    """No rule says what the rate is; the facts name the country, class and day."""

    code = "tax_rate_missing"


class Category(Enum):
    """What sort of supply it is, as tax returns and e-invoices tell them apart."""

    STANDARD = "standard"
    ZERO = "zero"
    EXEMPT = "exempt"
    REVERSE_CHARGE = "reverse_charge"
    EXPORT = "export"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who sells: `taxes` is False for who charges none at all, `oss` declares sales to consumers in the buyer's member state."""

    country: str
    region: str = ""
    taxes: bool = True
    exempt: bool = False
    oss: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who buys; an empty country is taken for the seller's own."""

    country: str = ""
    region: str = ""
    tax_id: str = ""
    is_business: bool = False


@dataclass(frozen=True, slots=True)
class TaxRules:
    """All rules of one tenant: its own first, the standard table where none of its own holds."""

    own: tuple[TaxRule, ...] = ()
    standard: tuple[TaxRule, ...] = ()

    def rate(self, country: str, region: str, tax_class: str, at: datetime) -> TaxRate:
        """The rate in force; MissingRateError where there is none."""
        found = self.find(country, region, tax_class, at)
        if found is None:
            raise MissingRateError(
                f"there is no {tax_class!r} tax rate for {country} on {at:%Y-%m-%d}; add one at /v1/tax-rules",
                country=country,
                tax_class=tax_class,
            )
        return found

    def find(self, country: str, region: str, tax_class: str, at: datetime) -> TaxRate | None:
        """The rate in force: of the region before the country, newest first; None where there is none."""
        for rules in (self.own, self.standard):
            fitting = [
                rule
                for rule in rules
                if rule.country == country
                and rule.region in {None, region}
                and rule.tax_class == tax_class
                and rule.holds(at)
            ]
            if fitting:
                best = max(fitting, key=lambda rule: (rule.region is not None, rule.valid_from, rule.id))
                return TaxRate(best.rate_key, best.percent)
        return None


@dataclass(frozen=True, slots=True)
class TaxDecision:
    """How a line is taxed and why. `taken_out` is the domestic rate that an inclusive price is freed of before it is the net."""

    treatment: TaxTreatment
    category: Category
    reason: str = ""
    taken_out: TaxRate | None = None

    def net_price(self, amount: Money) -> Money:
        """The amount that is taxed: `amount` itself, or what remains of it without the domestic rate, rounded once."""
        return amount if self.taken_out is None else amount.prorate(1 / (Fraction(1) + self.taken_out.fraction))


def treatment(  # noqa: PLR0917 (who, to whom, what and when: the facts that tax law asks for)
    rules: TaxRules,
    seller: Seller,
    buyer: Buyer,
    tax_class: str,
    inclusive: bool,  # noqa: FBT001 (a fact of the price)
    at: datetime,
) -> TaxDecision:
    """The decision for one line at the instant of supply."""
    if not seller.taxes:
        return TaxDecision(TaxTreatment(), Category.OUTSIDE)
    if seller.exempt:
        return TaxDecision(_nothing("exempt"), Category.EXEMPT, SMALL_BUSINESS)
    home = _TAXED_AS.get(seller.country, seller.country)
    country = _TAXED_AS.get(buyer.country, buyer.country) or home
    if country == home:
        region = buyer.region if buyer.country else seller.region
        return _charged(rules.rate(country, region, tax_class, at), inclusive)
    in_price = rules.find(home, seller.region, tax_class, at) if inclusive else None
    if home not in EU_COUNTRIES or country not in EU_COUNTRIES:
        return TaxDecision(_nothing("export"), Category.EXPORT, EXPORT, in_price)
    if buyer.is_business and country_of_tax_id(buyer.tax_id) not in {None, home}:
        return TaxDecision(_nothing("reverse_charge"), Category.REVERSE_CHARGE, REVERSE_CHARGE, in_price)
    taxed_in = (country, buyer.region) if seller.oss else (home, seller.region)
    return _charged(rules.rate(*taxed_in, tax_class, at), inclusive)


def _charged(rate: TaxRate, inclusive: bool) -> TaxDecision:  # noqa: FBT001 (a fact of the price)
    category = Category.STANDARD if rate.percent else Category.ZERO
    return TaxDecision(TaxTreatment((rate,), inclusive=inclusive), category)


def _nothing(key: str) -> TaxTreatment:
    return TaxTreatment((TaxRate(key, Decimal(0)),))
