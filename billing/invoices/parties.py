"""Who sold to whom, as an invoice keeps it when it is issued: later changes of a profile or an address do not reach it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from billing.customers.customer import Customer
    from billing.tenants.profile.seller import SellerProfile


def parties(seller: SellerProfile, buyer: Customer) -> dict[str, Any]:
    """The kept form: of the seller the fields of its profile, of the buyer what tax offices ask for."""
    return {
        "seller": {name: value for name, value in asdict(seller).items() if value not in {"", False}},
        "buyer": {
            "name": buyer.name or buyer.key,
            "email": buyer.email,
            "country": buyer.country,
            "region": buyer.region,
            "tax_id": buyer.tax_id,
            **buyer.address,
        },
    }
