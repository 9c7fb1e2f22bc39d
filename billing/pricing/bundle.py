"""The price of a bundle: the sum of its parts less a discount that keeps a margin floor, spread so that the parts add up to the cent.

All amounts are integer minor units of one currency; shares are basis points (1/100 of a percent). The discount is rounded down and the
least price that keeps the floor is rounded up, so the floor holds exactly. Without every cost there is no margin to keep: the discount is
then held to a smaller share, and the rule says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Sequence

_WHOLE_BPS = 10_000


class BundlePriceError(InvalidError):
    """The parts or the policy cannot be priced."""

    code = "invalid_bundle_price"


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscountPolicy:
    """The wished discount, the margin that must be left of the price, and the discount allowed when costs are unknown."""

    discount_bps: int = 1_000
    margin_floor_bps: int = 2_000
    blind_discount_bps: int = 500

    def __post_init__(self) -> None:
        shares = (self.discount_bps, self.margin_floor_bps, self.blind_discount_bps)
        if any(not 0 <= share < _WHOLE_BPS for share in shares):
            raise BundlePriceError(
                "discounts and margin floors are at least 0 and below 10000 basis points", shares=shares
            )


@dataclass(frozen=True, slots=True)
class Part:
    """One item of the bundle with its list price and, where known, what it costs the business."""

    item: str
    list_price: Money
    cost: Money | None = None


@dataclass(frozen=True, slots=True)
class PricedPart:
    """One item at its share of the bundle's price."""

    item: str
    list_price: Money
    price: Money


@dataclass(frozen=True, slots=True)
class BundlePrice:
    """List total, discount and total, with parts that sum to the total, and the margin rule that was kept, in words."""

    parts: tuple[PricedPart, ...]
    list_total: Money
    discount: Money
    total: Money
    margin_rule: str


def price_bundle(parts: Sequence[Part], policy: DiscountPolicy | None = None) -> BundlePrice:
    """The bundle's price under the policy.

    Two parts of 10.00 that cost 8.00 each: 10 % off makes 18.00, where 16.00 of cost leave 11 %; a margin of 20 % needs 20.00.

    >>> part = Part("a", Money(1000, "EUR"), Money(800, "EUR"))
    >>> price_bundle([part, part]).discount.text, price_bundle([Part("a", Money(999, "EUR"), Money(100, "EUR"))]).discount.text
    ('0.00', '0.99')
    """
    if not parts:
        raise BundlePriceError("a bundle has at least one part")
    chosen = policy or DiscountPolicy()
    currency = parts[0].list_price.currency
    if any(part.list_price.amount_minor < 0 for part in parts):
        raise BundlePriceError("a list price is not negative", items=[part.item for part in parts])
    list_total = sum((part.list_price for part in parts), Money.zero(currency))
    discount_minor, rule = _discount(parts, list_total.amount_minor, chosen, currency)
    discount = Money(discount_minor, currency)
    shares = discount.allocate([part.list_price.amount_minor for part in parts])
    priced = tuple(
        PricedPart(part.item, part.list_price, part.list_price - share)
        for part, share in zip(parts, shares, strict=True)
    )
    return BundlePrice(
        parts=priced, list_total=list_total, discount=discount, total=list_total - discount, margin_rule=rule
    )


def _discount(parts: Sequence[Part], list_minor: int, policy: DiscountPolicy, currency: str) -> tuple[int, str]:
    costs = [part.cost for part in parts if part.cost is not None]
    if len(costs) < len(parts):
        bps = min(policy.discount_bps, policy.blind_discount_bps)
        return list_minor * bps // _WHOLE_BPS, f"costs unknown: discount held to {_percent(bps)}"
    wished = list_minor * policy.discount_bps // _WHOLE_BPS
    cost_minor = sum(costs, Money.zero(currency)).amount_minor
    least = -(-cost_minor * _WHOLE_BPS // (_WHOLE_BPS - policy.margin_floor_bps))
    granted = max(0, min(wished, list_minor - least))
    floor = _percent(policy.margin_floor_bps)
    if granted == wished:
        return granted, f"margin stays at or above {floor}"
    if granted:
        return granted, f"discount cut to keep a margin of {floor}"
    return 0, f"no discount: it would leave less than {floor} of margin"


def _percent(bps: int) -> str:
    whole, rest = divmod(bps, 100)
    return f"{whole}.{rest:02d} %".replace(".00", "")
