"""Taxes of an invoice in minor units: exact per line and rate, rounded once where the policy says, then given back to the lines.

Whatever the policy, the parts of the lines add up to the totals, and net plus tax is the gross. Several rates on a line are all of its
net, never of each other. In a price that includes its taxes, the net is what remains of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING

from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, Rounding, format_quantity, round_minor

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence
    from decimal import Decimal

_TOP_PERCENT = 1000


class TaxError(InvalidError):
    """A tax rate that cannot be, or two different rates under one key."""

    code = "invalid_tax"


class TaxRounding(Enum):
    """Where tax becomes whole minor units."""

    PER_RATE = "per_rate"  # the default: once an invoice and rate, on the exact sum, then allocated to lines
    PER_INVOICE = "per_invoice"  # once an invoice over all rates together, then allocated
    PER_LINE = "per_line"  # every line and rate by itself


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A named rate in percent of the net, such as `TaxRate("vat_de", Decimal("19"))`; a percent of 0 is a rate too."""

    key: str
    percent: Decimal

    def __post_init__(self) -> None:
        if not self.percent.is_finite() or not 0 <= self.percent <= _TOP_PERCENT:
            raise TaxError(f"a tax rate is 0 to {_TOP_PERCENT} percent", key=self.key, percent=str(self.percent))

    @property
    def fraction(self) -> Fraction:
        """The rate as a part of the net."""
        return Fraction(self.percent) / 100

    @property
    def words(self) -> str:
        """The rate for people: `vat_de 19 %`."""
        return f"{self.key} {format_quantity(self.percent)} %"


@dataclass(frozen=True, slots=True)
class TaxTreatment:
    """The rates that a line carries, and whether its price includes them already."""

    rates: tuple[TaxRate, ...] = ()
    inclusive: bool = False

    def __post_init__(self) -> None:
        if len({rate.key for rate in self.rates}) < len(self.rates):
            raise TaxError("a line carries a tax rate once", keys=[rate.key for rate in self.rates])

    def exact(self, amount: Money) -> tuple[Fraction, ...]:
        """The unrounded tax of each rate on `amount`, in minor units."""
        divisor = 1 + sum((rate.fraction for rate in self.rates), Fraction(0)) if self.inclusive else Fraction(1)
        return tuple(amount.amount_minor * rate.fraction / divisor for rate in self.rates)


UNTAXED = TaxTreatment()


@dataclass(frozen=True, slots=True)
class Taxable:
    """An amount, discounts already off, and how it is taxed; below zero for credits, whose tax is below zero as well."""

    amount: Money
    treatment: TaxTreatment = UNTAXED


@dataclass(frozen=True, slots=True)
class TaxedLine:
    """A line's net and the tax of each of its rates, in the order of its treatment."""

    net: Money
    taxes: tuple[tuple[TaxRate, Money], ...]

    @property
    def tax(self) -> Money:
        """The taxes of all rates together."""
        return sum((tax for _, tax in self.taxes), Money.zero(self.net.currency))

    @property
    def gross(self) -> Money:
        """Net and tax."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class TaxTotal:
    """What an invoice shows of one rate: the nets it is of, and the tax."""

    rate: TaxRate
    base: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Taxed:
    """The taxed lines, in the order they were given."""

    currency: str
    lines: tuple[TaxedLine, ...]

    @property
    def net(self) -> Money:
        """All nets."""
        return sum((line.net for line in self.lines), Money.zero(self.currency))

    @property
    def tax(self) -> Money:
        """All taxes."""
        return sum((line.tax for line in self.lines), Money.zero(self.currency))

    @property
    def totals(self) -> tuple[TaxTotal, ...]:
        """One total a rate, in the order the rates first appear; their taxes add up to `tax`."""
        sums: dict[TaxRate, tuple[Money, Money]] = {}
        nothing = Money.zero(self.currency)
        for line in self.lines:
            for rate, tax in line.taxes:
                base, so_far = sums.get(rate, (nothing, nothing))
                sums[rate] = (base + line.net, so_far + tax)
        return tuple(TaxTotal(rate, base, tax) for rate, (base, tax) in sums.items())


def tax_lines(
    lines: Sequence[Taxable],
    currency: str,
    *,
    policy: TaxRounding = TaxRounding.PER_RATE,
    rounding: Rounding = Rounding.HALF_UP,
) -> Taxed:
    """The taxes of an invoice's lines, all in `currency`.

    >>> from decimal import Decimal
    >>> vat = TaxTreatment((TaxRate("vat", Decimal(20)),), inclusive=True)
    >>> taxed = tax_lines([Taxable(Money(12000, "EUR"), vat)], "EUR")
    >>> taxed.net.text, taxed.tax.text
    ('100.00', '20.00')
    """
    _check(lines, currency)
    groups: dict[Hashable, dict[tuple[int, int], Fraction]] = {}
    for place, line in enumerate(lines):
        for nth, (rate, exact) in enumerate(zip(line.treatment.rates, line.treatment.exact(line.amount), strict=True)):
            groups.setdefault(_group(policy, place, rate), {})[place, nth] = exact
    parts: dict[tuple[int, int], int] = {}
    for group in groups.values():
        parts.update(zip(group, round_together(list(group.values()), rounding), strict=True))
    return Taxed(currency, tuple(_taxed(line, place, parts) for place, line in enumerate(lines)))


def round_together(exacts: Sequence[Fraction], rounding: Rounding = Rounding.HALF_UP) -> list[int]:
    """Whole numbers that add up to the rounded sum of `exacts`, each within one of its own; signs may be mixed.

    By largest remainder from the floors, ties to the earlier one, so a whole exact part is never moved.

    >>> round_together([Fraction(5, 2), Fraction(5, 2), Fraction(1)])
    [3, 2, 1]
    """
    parts = [exact.numerator // exact.denominator for exact in exacts]
    left = round_minor(sum(exacts, Fraction(0)), rounding) - sum(parts)
    for place in sorted(range(len(exacts)), key=lambda i: (parts[i] - exacts[i], i))[:left]:
        parts[place] += 1
    return parts


def _group(policy: TaxRounding, place: int, rate: TaxRate) -> Hashable:
    if policy is TaxRounding.PER_LINE:
        return place, rate.key
    return rate.key if policy is TaxRounding.PER_RATE else None


def _taxed(line: Taxable, place: int, parts: Mapping[tuple[int, int], int]) -> TaxedLine:
    currency = line.amount.currency
    taxes = tuple((rate, Money(parts[place, nth], currency)) for nth, rate in enumerate(line.treatment.rates))
    included = (
        sum((tax for _, tax in taxes), Money.zero(currency)) if line.treatment.inclusive else Money.zero(currency)
    )
    return TaxedLine(line.amount - included, taxes)


def _check(lines: Sequence[Taxable], currency: str) -> None:
    known: dict[str, TaxRate] = {}
    for line in lines:
        if line.amount.currency != currency:
            raise TaxError("the lines of an invoice share one currency", left=currency, right=line.amount.currency)
        for rate in line.treatment.rates:
            if known.setdefault(rate.key, rate).percent != rate.percent:
                raise TaxError(f"{rate.key!r} stands for two different rates", key=rate.key)
