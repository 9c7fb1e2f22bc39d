"""What a shop gives off a bundle at most, and how the products in it are taxed: one policy a tenant."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from billing.pricing.bundle import DiscountPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_CATEGORIES = 200
LONGEST_KEY = 100
_STANDARD = "standard"


class BundlePolicyError(InvalidError):
    """A policy that cannot be kept."""

    code = "invalid_bundle_policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePolicy:
    """`tax_class` is that of products, `tax_classes` that of products of single categories; add-ons have their own in their terms.

    `tax_inclusive` says that the prices of products have their taxes in them.
    """

    discounts: DiscountPolicy = field(default_factory=DiscountPolicy)
    tax_class: str = _STANDARD
    tax_inclusive: bool = False
    tax_classes: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if len(self.tax_classes) > MOST_CATEGORIES:
            raise BundlePolicyError(f"tax classes are named for at most {MOST_CATEGORIES} categories")
        for name in (self.tax_class, *self.tax_classes.values(), *self.tax_classes):
            if not 0 < len(name) <= LONGEST_KEY:
                raise BundlePolicyError(f"categories and tax classes have 1 to {LONGEST_KEY} characters")

    def class_of(self, category: str) -> str:
        """The tax class of a product of this category."""
        return self.tax_classes.get(category, self.tax_class)

    def to_document(self) -> dict[str, Any]:
        """What `policy_from` reads back."""
        return {
            "discount_bps": self.discounts.discount_bps,
            "margin_floor_bps": self.discounts.margin_floor_bps,
            "blind_discount_bps": self.discounts.blind_discount_bps,
            "tax_class": self.tax_class,
            "tax_inclusive": self.tax_inclusive,
            "tax_classes": dict(sorted(self.tax_classes.items())),
        }


def policy_from(document: Mapping[str, Any]) -> BundlePolicy:
    """A policy from its document.

    >>> policy_from(BundlePolicy(tax_classes={"food": "reduced"}).to_document()).class_of("food")
    'reduced'
    """
    return BundlePolicy(
        discounts=DiscountPolicy(
            discount_bps=document["discount_bps"],
            margin_floor_bps=document["margin_floor_bps"],
            blind_discount_bps=document["blind_discount_bps"],
        ),
        tax_class=document["tax_class"],
        tax_inclusive=document["tax_inclusive"],
        tax_classes=document["tax_classes"],
    )
