"""What a credit takes of each line and each tax: a share of what is left of them, so that no split of credits takes more. Pure.

A credit of an amount is shared over what earlier credits left, in proportion and by largest remainder (Hamilton's method, signed). So it
never takes more than is left of any line or tax, and the credit that takes the rest takes exactly the rest. Lines below zero (time that was
given back) share as they are, and make the whole that can be credited smaller.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from billing.invoices.credit_notes.note import CreditNoteError, Portion
from billing.kernel.money import Money

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from billing.invoices.credit_notes.note import CreditNote
    from billing.invoices.invoice import Invoice


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be credited of one line: `amount` with its tax, None for all that is left of it."""

    position: int
    amount: Money | None = None


def left_of(invoice: Invoice, notes: Iterable[CreditNote]) -> list[Portion]:
    """What these notes left of each line of their invoice, in order."""
    taken: dict[tuple[int, str | None], int] = {}
    for note in notes:
        for portion in note.portions:
            for key, amount in ((None, portion.net), *portion.taxes):
                taken[portion.position, key] = taken.get((portion.position, key), 0) + amount.amount_minor
    whole = [Portion(position=at, net=line.net, taxes=_taxes(line.document)) for at, line in enumerate(invoice.lines)]
    return [
        Portion(
            position=each.position,
            net=each.net - Money(taken.get((each.position, None), 0), invoice.currency),
            taxes=tuple(
                (key, amount - Money(taken.get((each.position, key), 0), invoice.currency))
                for key, amount in each.taxes
            ),
        )
        for each in whole
    ]


def take_amount(left: Sequence[Portion], amount: Money) -> list[Portion]:
    """A credit of `amount`, tax included, over everything that is left; above zero and at most the sum of what is left."""
    whole = sum((portion.gross for portion in left), Money.zero(amount.currency))
    _check(amount, whole)
    parts = shared(amount.amount_minor, [portion.gross.amount_minor for portion in left])
    if amount == whole:  # also what nets to nothing within one line
        return [portion for portion in left if _is_something(portion)]
    return [_part(portion, part) for portion, part in zip(left, parts, strict=True) if part]


def take_lines(left: Sequence[Portion], asked: Sequence[Asked]) -> list[Portion]:
    """A credit of single lines, each above zero and at most what is left of it; together at most what is left of the whole."""
    by_position = {portion.position: portion for portion in left}
    if len({each.position for each in asked}) < len(asked):
        raise CreditNoteError("name each line once")
    taken = []
    for each in sorted(asked, key=lambda one: one.position):
        portion = by_position.get(each.position)
        if portion is None:
            raise CreditNoteError(f"the invoice has no line {each.position + 1}", lines=len(left))
        amount = portion.gross if each.amount is None else each.amount
        _check(amount, portion.gross, line=each.position)
        taken.append(portion if amount == portion.gross else _part(portion, amount.amount_minor))
    currency = left[0].net.currency if left else "XXX"
    zero = Money.zero(currency)
    _check(sum((each.gross for each in taken), zero), sum((each.gross for each in left), zero))
    return taken


def shared(amount: int, left: Sequence[int]) -> list[int]:
    """`amount` over parts of any sign whose sum is at least it and above zero; each share lies between nothing and its part.

    >>> shared(10, [40, -20])
    [20, -10]
    >>> shared(1, [1, 1, 1])
    [1, 0, 0]
    """
    whole = sum(left)
    if not 0 < amount <= whole:
        raise CreditNoteError("a share is above zero and at most the whole", amount=amount, whole=whole)
    shares = [amount * part // whole for part in left]
    first = sorted(range(len(left)), key=lambda place: (-(amount * left[place] % whole), place))
    for place in first[: amount - sum(shares)]:
        shares[place] += 1
    return shares


def _part(portion: Portion, gross: int) -> Portion:
    """So much of a line's net and taxes; a line below zero is shared with its signs turned, and turned back."""
    sign = 1 if gross > 0 else -1
    left = [portion.net.amount_minor, *(amount.amount_minor for _, amount in portion.taxes)]
    net, *taxes = [sign * share for share in shared(sign * gross, [sign * part for part in left])]
    currency = portion.net.currency
    return Portion(
        position=portion.position,
        net=Money(net, currency),
        taxes=tuple((key, Money(tax, currency)) for (key, _), tax in zip(portion.taxes, taxes, strict=True)),
    )


def _check(amount: Money, most: Money, *, line: int | None = None) -> None:
    if Money.zero(amount.currency) < amount <= most:
        return
    of = "the invoice" if line is None else f"line {line + 1}"
    raise CreditNoteError(
        f"{most} of {of} is left to be credited; a credit is above zero and at most that", amount=amount.text
    )


def _is_something(portion: Portion) -> bool:
    return bool(portion.net.amount_minor or any(amount.amount_minor for _, amount in portion.taxes))


def _taxes(document: Mapping[str, object]) -> tuple[tuple[str, Money], ...]:
    found = document.get("taxes", ())
    assert isinstance(found, list | tuple)  # noqa: S101 (written by the settlement alone)
    return tuple(
        (str(tax["key"]), Money.of(str(tax["amount"]["amount"]), str(tax["amount"]["currency"]))) for tax in found
    )
