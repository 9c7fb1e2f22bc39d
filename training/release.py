"""The end of every job: the fitted model is published with its card, and promoted only if the gate said so."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from features.sources import instant_of
from models.card import ModelCard
from training.card_parts import requirements
from training.context import JobReport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.metrics.interval import Interval
    from training.context import JobContext
    from training.gate import GateReport


class Saveable(Protocol):
    """A fitted model that can write itself into a new folder."""

    def save(self, folder: Path) -> str:
        """Write the model and return its content hash."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedOn:
    """What the card says of the rows: the snapshot's manifest, the calibration curve, and how features and scores lay."""

    snapshot: Mapping[str, Any]
    calibration: tuple[Mapping[str, float], ...]
    reference: Mapping[str, Any]


def release(
    context: JobContext,
    task: str,
    model: Saveable,
    gate: GateReport,
    *,
    rows: int,
    features: Sequence[str],
    metrics: Mapping[str, Interval],
    baselines: Mapping[str, Interval],
    rung: str = "",
    limits: Sequence[str] = (),
    details: Mapping[str, Any] | None = None,
    judged: JudgedOn | None = None,
    shadow: Callable[[str, str], str] | None = None,
) -> JobReport:
    """Publish a model with its card and gate report; promote it or keep the champion, and say why.

    Where there is a champion and the run asks for a shadow, `shadow(version, reason)` puts the version there instead and says so.
    """
    start, end = context.history.window()
    card = ModelCard(
        tenant=context.scope.tenant_id,
        task=task,
        as_of=instant_of(context.history.until_us),
        window_start=start,
        window_end=end,
        data_hash=context.history.content_hash(),
        rows=rows,
        features=tuple(features),
        rung=rung,
        metrics=metrics,
        baselines=baselines,
        seed=context.seed,
        limits=tuple(limits),
        gate=gate.to_document(),
        details=details or {},
        requirements=requirements(),
        **(asdict(judged) if judged else {}),
    )
    with tempfile.TemporaryDirectory() as staging:
        folder = Path(staging) / "model"
        model.save(folder)
        version = context.registry.publish(context.scope.tenant_id, task, folder, card)
    promoted, reason = gate.promote, gate.reason
    tenant = context.scope.tenant_id
    if promoted and shadow and context.shadow_days and context.registry.champion(tenant, task) is not None:
        promoted, reason = False, shadow(version, reason)
    elif promoted:
        context.registry.promote(tenant, task, version, reason, context.now)
    figures = {name: {"mean": value.mean, "low": value.low, "high": value.high} for name, value in metrics.items()}
    figures |= {f"baseline: {name}": {"mean": value.mean} for name, value in baselines.items()}
    return JobReport(task=task, version=version, promoted=promoted, reason=reason, figures={**figures, "rung": rung})
