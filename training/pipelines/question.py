"""What a tabular job asks: whose features, which outcome within how many days, and who fits and loads the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.tabular.explained import ExplainedModel
    from models.tabular.labels import Labels
    from models.tabular.ladder import LadderReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a tabular job asks. `labels_at` labels the customers of a moment; `scored` are those to score now.

    `label_spec` says in words what the label means; other words make another snapshot. `first_day` answers while nothing can be learned.
    """

    task: str
    features: tuple[str, ...]
    horizon_days: int
    allowance_days: int
    labels_at: Callable[[int], Labels]
    scored: NDArray[Any]
    first_us: int
    fit: Callable[..., tuple[ExplainedModel, LadderReport]]
    load: Callable[[Any], ExplainedModel]
    limits: tuple[str, ...]
    details: dict[str, Any]
    label_spec: str = ""
    first_day: Callable[[], ExplainedModel | None] = lambda: None
