"""Who sold to whom: read from what an invoice kept when it was issued, and from the present profile and customer where it kept nothing.

The kept forms are flat: of a `seller` the fields of its profile, of a `buyer` its `name`, `email`, `country`, `region`, `tax_id` and the
fields of its address. What is absent is not known; nothing in them can make a document fail.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from billing.documents.page import Address, BankAccount, Party

if TYPE_CHECKING:
    from collections.abc import Mapping

    from billing.customers.customer import Customer
    from billing.tenants.profile.seller import SellerProfile
    from billing.tenants.tenant import Tenant


def seller_of(kept: Mapping[str, Any], profile: SellerProfile, tenant: Tenant) -> Party:
    """The seller as kept, else as the profile has it now, at least by the tenant's name."""
    party = read_party(kept.get("seller") or seller_document(profile))
    return party if party.name else replace(party, name=tenant.name)


def buyer_of(kept: Mapping[str, Any], customer: Customer) -> Party:
    """The buyer as kept, else as the customer is known now, at least by the business's own key."""
    party = read_party(kept.get("buyer") or buyer_document(customer))
    return party if party.name else replace(party, name=customer.name or customer.key)


def seller_document(profile: SellerProfile) -> dict[str, Any]:
    """The kept form of a seller."""
    return asdict(profile)


def buyer_document(customer: Customer) -> dict[str, Any]:
    """The kept form of a buyer."""
    return {
        "name": customer.name,
        "email": customer.email,
        "country": customer.country,
        "region": customer.region,
        "tax_id": customer.tax_id,
        **customer.address,
    }


def read_party(kept: Mapping[str, Any]) -> Party:
    """A party from either kept form.

    >>> read_party({"legal_name": "Bean Street", "line1": "12 High St", "country": "IE"}).address.lines
    ('12 High St',)
    """
    iban = _text(kept, "iban")
    return Party(
        name=_text(kept, "legal_name") or _text(kept, "name"),
        address=Address(
            lines=tuple(line for line in (_text(kept, "line1"), _text(kept, "line2")) if line),
            postcode=_text(kept, "postal_code"),
            city=_text(kept, "city"),
            region=_text(kept, "region"),
            country=_text(kept, "country").upper(),
        ),
        vat_id=_text(kept, "vat_id") or _text(kept, "tax_id"),
        registration=_text(kept, "registration"),
        email=_text(kept, "email"),
        account=BankAccount(iban=iban, bic=_text(kept, "bic")) if iban else None,
    )


def _text(kept: Mapping[str, Any], name: str) -> str:
    value = kept.get(name)
    return value.strip() if isinstance(value, str) else ""
