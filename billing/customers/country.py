"""Countries as people write them, as the codes that taxes go by (ISO 3166-1 alpha-2). Pure.

Names are read in English (CLDR) with a few more that shops' exports use. What is not known is kept for display and taken for no country.
"""

from __future__ import annotations

from functools import cache

from babel import Locale

_MORE = {
    "uk": "GB",
    "great britain": "GB",
    "england": "GB",
    "eire": "IE",
    "republic of ireland": "IE",
    "usa": "US",
    "united states of america": "US",
    "holland": "NL",
    "the netherlands": "NL",
    "czech republic": "CZ",
    "turkey": "TR",
    "rsa": "ZA",
    "korea": "KR",
    "hong kong": "HK",
    "macedonia": "MK",
    "el": "GR",
    "xi": "GB",
    "northern ireland": "GB",
    "scotland": "GB",
    "wales": "GB",
}


def country_code(text: str) -> str:
    """The code of a country given by its code or its English name; empty where it is not known.

    >>> country_code("de"), country_code("United Kingdom"), country_code("EIRE"), country_code("Narnia")
    ('DE', 'GB', 'IE', '')
    """
    written = " ".join(text.split())
    known = _names()
    if written.upper() in known.values():
        return written.upper()
    return known.get(written.casefold(), "")


@cache
def _names() -> dict[str, str]:
    territories = Locale.parse("en").territories
    countries = {
        name.casefold(): code
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
    }
    return {**countries, **_MORE}


_NO_COUNTRIES = frozenset({"EU", "EZ", "UN", "ZZ", "XA", "XB", "QO", "UK", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"})
