"""How a question with rows of its own shape is weighed: against the best rule and the champion for the gate, with figures for the card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from models.metrics.classification import log_loss_lead
from training.card_parts import figures
from training.gate import Gate, classification_evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from models.metrics.interval import Interval
    from models.tabular.ladder import LadderReport
    from models.tabular.table import Examples, FeatureTable
    from training.gate import GateReport
    from training.leakage import LeakFinding


class Answers(Protocol):
    """A fitted model of chances."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What it reads."""

    def probability(self, table: FeatureTable) -> NDArray[np.float64]:
        """Shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the gate says, and the figures of the model and of the best rule on the rows that judged it."""

    gate: GateReport
    metrics: dict[str, Interval]
    baselines: dict[str, Interval]


def weigh(
    model: Answers,
    report: LadderReport,
    judged: Examples,
    *,
    champion: Answers | None,
    leaks: tuple[LeakFinding, ...],
    rng: np.random.Generator,
) -> Weighed:
    """Judge on rows that decided nothing; a champion that reads other columns cannot be asked."""
    ours, floor = model.probability(judged.table), report.floor.probability(judged.table)
    can_be_asked = champion is not None and set(champion.columns) <= set(judged.table.columns)
    evidence = classification_evidence(
        judged.label,
        ours,
        customers=judged.customers,
        rng=rng,
        baselines={f"best rule ({report.floor.rung_name})": floor},
        champion=champion.probability(judged.table) if champion is not None and can_be_asked else None,
        leaks=leaks,
        is_floor=report.is_floor,
    )
    lead = log_loss_lead(judged.label, ours, floor, customers=judged.customers, rng=rng)
    return Weighed(
        gate=Gate().decide(evidence),
        metrics={**figures(judged.label, ours, judged.customers, rng), "log loss gain over the rule": lead},
        baselines=figures(judged.label, floor, judged.customers, rng),
    )
