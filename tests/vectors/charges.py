"""How every runner of charge models turns a case into a price document, and a rated amount into the answers that cases ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.pricing.rated import Rated
from billing.pricing.registry import parse_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from billing.pricing.charge import ChargeModel
    from tests.vectors.case import Case

_NOT_OF_A_MODEL = {"currency", "policy", "method"}


def model(case: Case, *usage: str, **rest: Any) -> ChargeModel:
    """The registry's model for a case: its input but for the `usage` fields, with `rest` on top."""
    left_out = _NOT_OF_A_MODEL | set(usage)
    document = {field: value for field, value in case.given.items() if field not in left_out}
    return parse_model({**document, **rest})


def currency(case: Case) -> str:
    """The currency of a case, dollars unless it names one."""
    return str(case.given.get("currency", "USD"))


def open_ended(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tiers whose last is open, as ours always are: a bound that a source puts on its last tier has nothing beyond it."""
    return [*entries[:-1], {**entries[-1], "up_to": None}]


def flat_at_zero(case: Case, *, default: bool) -> bool:
    """Whether the case's policy charges the first flat amount at zero usage; the model's `default` where it names none."""
    return default and "no_flat_on_zero_usage" not in case.policy


def together(parts: Iterable[Rated], code: str) -> Rated:
    """Several rated amounts as one."""
    return Rated(currency=code, trace=tuple(step for part in parts for step in part.trace))


def answers(rated: Callable[[Case], Rated]) -> dict[str, Callable[[Case], Any]]:
    """The readings of an amount, before and after the one rounding."""
    return {
        "amount": lambda case: rated(case).exact,
        "amount_exact": lambda case: rated(case).exact,
        "amount_rounded": lambda case: rated(case).money().text,
    }
