"""The standard VAT rates that serve where a tenant has no rule of its own, with the day from which each holds.

Checked on 2026-11-21 against "VAT Rates 2025 in the European Union" (vat-solutions.com: the Union, CH, GB, NO), "VAT rates applicable from
January 1, 2025" (easytax.co: RO 21), "VAT 2025 in the 27 EU countries" (calculariva.app: EE 24, RO 21), "Recent VAT changes in certain EU
Member States" (European Commission: SK 23) and "EU new VAT rates from 2026" (easytax.co: reduced rates only). The laws
themselves were not read, earlier steps are less well attested than present rates, and a later change is not in it. A tenant that charges
tax checks its own countries, and a rule of its own stands before the table. Days are local midnights taken as UTC. Reduced rates depend on
what exactly is sold: a tenant adds rules for its own tax classes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from billing.catalog.taxes.rule import TaxRule

_LONG_AGO = "2021-01-01"
_RATES = {  # country: (day, percent), in order of day
    "AT": ((_LONG_AGO, "20"),),
    "BE": ((_LONG_AGO, "21"),),
    "BG": ((_LONG_AGO, "20"),),
    "CH": ((_LONG_AGO, "7.7"), ("2024-01-01", "8.1")),
    "CY": ((_LONG_AGO, "19"),),
    "CZ": ((_LONG_AGO, "21"),),
    "DE": ((_LONG_AGO, "19"),),
    "DK": ((_LONG_AGO, "25"),),
    "EE": ((_LONG_AGO, "20"), ("2024-01-01", "22"), ("2025-07-01", "24")),
    "ES": ((_LONG_AGO, "21"),),
    "FI": ((_LONG_AGO, "24"), ("2024-09-01", "25.5")),
    "FR": ((_LONG_AGO, "20"),),
    "GB": ((_LONG_AGO, "20"),),
    "GR": ((_LONG_AGO, "24"),),
    "HR": ((_LONG_AGO, "25"),),
    "HU": ((_LONG_AGO, "27"),),
    "IE": ((_LONG_AGO, "21"), ("2021-03-01", "23")),
    "IT": ((_LONG_AGO, "22"),),
    "LT": ((_LONG_AGO, "21"),),
    "LU": ((_LONG_AGO, "17"), ("2023-01-01", "16"), ("2024-01-01", "17")),
    "LV": ((_LONG_AGO, "21"),),
    "MT": ((_LONG_AGO, "18"),),
    "NL": ((_LONG_AGO, "21"),),
    "NO": ((_LONG_AGO, "25"),),
    "PL": ((_LONG_AGO, "23"),),
    "PT": ((_LONG_AGO, "23"),),
    "RO": ((_LONG_AGO, "19"), ("2025-08-01", "21")),
    "SE": ((_LONG_AGO, "25"),),
    "SI": ((_LONG_AGO, "22"),),
    "SK": ((_LONG_AGO, "20"), ("2025-01-01", "23")),
}


def standard_rates() -> tuple[TaxRule, ...]:
    """The table as rules, oldest first within a country."""
    found = []
    for country, steps in _RATES.items():
        days = [datetime.fromisoformat(day).replace(tzinfo=UTC) for day, _ in steps]
        for place, (_, percent) in enumerate(steps):
            found.append(
                TaxRule(
                    country=country,
                    rate_key=f"vat_{country.lower()}",
                    percent=Decimal(percent),
                    valid_from=days[place],
                    valid_to=days[place + 1] if place + 1 < len(days) else None,
                )
            )
    return tuple(found)


STANDARD_RATES = standard_rates()
