"""Credits on a plan change: taken back and given in the ratio of the money, so that switching to and fro gains nothing. Pure.

What was used beyond what may be taken back is owed: it stands against what is given next, instead of being forgotten.
Source: credits are granted or taken back in the same ratio as the money (the rules of money).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.wallets.grant import GrantError

if TYPE_CHECKING:
    from fractions import Fraction

    from billing.kernel.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Switched:
    """Both parts are rounded once, like the two lines of the money. `standing` is what is left after, below zero what is owed."""

    granted: Money
    taken_back: Money
    given: Money
    standing: Money

    @property
    def change(self) -> Money:
        """What the switch adds to the wallet, or takes below zero."""
        return self.given - self.taken_back

    @property
    def used(self) -> Money:
        """What counts as used of the new plan's grant: what the next switch is told. Below zero where more is left than it grants."""
        return self.granted - self.standing


def switched(granted_old: Money, granted_new: Money, used: Money, share: Fraction) -> Switched:
    """A change between plans that grant so much for a whole period, when `share` of it (0 to 1) is left; `used` is gone of the old grant.

    >>> from fractions import Fraction
    >>> from billing.kernel.money import Money
    >>> up = switched(Money(1000, "EUR"), Money(3000, "EUR"), Money(800, "EUR"), Fraction(1, 2))
    >>> up.change.text, up.standing.text
    ('10.00', '12.00')
    >>> switched(Money(3000, "EUR"), Money(1000, "EUR"), up.used, Fraction(1, 2)).standing.text
    '2.00'
    """
    if not 0 <= share <= 1 or granted_old.amount_minor < 0 or granted_new.amount_minor < 0:
        raise GrantError("a switch shares grants of zero or more by a part from 0 to 1", share=str(share))
    taken_back, given = granted_old.prorate(share), granted_new.prorate(share)
    standing = granted_old - used + given - taken_back
    return Switched(granted=granted_new, taken_back=taken_back, given=given, standing=standing)
