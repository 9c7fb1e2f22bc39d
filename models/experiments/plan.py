"""The analysis plan: what will be judged, how and when, written down and hashed before the first unit is seen.

Changing any of it later is another experiment: the tuning of the sequence, the metrics and the looks are exactly what peeking would choose.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Literal

from models.experiments.assign import Namespace, ranges
from models.experiments.inference.guard import Better

SCHEMA = 2
MOST_WINDOW_DAYS = 366


class Design(Enum):
    """How looks are paid for: at any time by a sequence, or a few that were planned, for more power."""

    ANYTIME = "anytime"
    PLANNED = "planned"


class MetricKind(Enum):
    """What is made of a unit's rows."""

    RATE = "rate"
    MEAN = "mean"
    RATIO = "ratio"
    QUANTILE = "quantile"
    RETENTION = "retention"


class PlanError(ValueError):
    """A plan that could not be judged fairly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One thing to judge. `winsorise` is the quantile of those who have any; `margin` the harm that a guardrail tolerates, relative.

    `measure` names what is counted of a unit (its key's own name where empty); `event` and `field` say which events where it counts those.
    With `window_days` a unit counts once so many days have passed since its own exposure, and with what came in them.
    """

    key: str
    kind: MetricKind
    better: Better = Better.HIGHER
    winsorise: float | None = None
    quantile: float | None = None
    uses_past: bool = True
    margin: float = 0.02
    measure: str = ""
    event: str = ""
    field: str = ""
    window_days: int | None = None

    def __post_init__(self) -> None:
        if (self.kind is MetricKind.QUANTILE) != (self.quantile is not None):
            raise PlanError(f"{self.key}: a quantile metric, and no other, names its quantile")
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise PlanError(f"{self.key}: a quantile lies between 0 and 1")
        if self.winsorise is not None and not 0.5 < self.winsorise < 1:
            raise PlanError(f"{self.key}: tails are pulled in beyond a quantile between 0.5 and 1")
        if self.window_days is not None and not 1 <= self.window_days <= MOST_WINDOW_DAYS:
            raise PlanError(f"{self.key}: a window lasts 1 to {MOST_WINDOW_DAYS} days")
        if self.margin <= 0:
            raise PlanError(f"{self.key}: a margin is above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One treatment; the first arm of a plan is the control."""

    key: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything fixed in advance. `planned_units` is the size of all arms together that the power plan asks for.

    `unit` is whom metrics are about, `assigned_by` who was drawn: members of a customer that was drawn whole are counted as one cluster.
    Amounts are minor units of `currency`.

    Raises PlanError for fewer than two arms, arms or metrics named twice, weights that do not sum to 1, or looks outside the plan.
    """

    key: str
    salt: str
    arms: tuple[Arm, ...]
    primary: Metric
    secondary: tuple[Metric, ...] = ()
    guardrails: tuple[Metric, ...] = ()
    unit: Literal["customer", "member"] = "customer"
    assigned_by: Literal["customer", "member"] = "customer"
    currency: str = "EUR"
    coverage: float = 1.0
    namespace: Namespace | None = None
    design: Design = Design.ANYTIME
    looks: tuple[float, ...] = (0.5, 1.0)
    planned_units: int = 5_000
    fewest_units_an_arm: int = 100
    fewest_days: int = 7
    alpha: float = 0.05

    def __post_init__(self) -> None:
        names = [arm.key for arm in self.arms]
        if len(names) < 2 or len(set(names)) != len(names):
            raise PlanError("a plan has at least two arms with different keys, the control first")
        metrics = [metric.key for metric in self.metrics]
        if len(set(metrics)) != len(metrics):
            raise PlanError("a metric is judged once: as the primary, a secondary or a guardrail")
        if self.unit == "customer" and self.assigned_by == "member":
            raise PlanError("customers cannot be drawn member by member")
        if self.planned_units < 2 or self.fewest_days < 7 or not 0 < self.alpha < 1:
            raise PlanError("a plan has units, an alpha between 0 and 1, and runs for at least a full week")
        if not math.isclose(self.looks[-1], 1.0) or list(self.looks) != sorted(set(self.looks)) or self.looks[0] <= 0:
            raise PlanError("planned looks rise from above 0 to 1")
        ranges(len(self.arms), self.coverage, [arm.weight for arm in self.arms])

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All of them, the primary first."""
        return (self.primary, *self.secondary, *self.guardrails)

    @property
    def control(self) -> Arm:
        """What the others are compared with."""
        return self.arms[0]

    @property
    def digest(self) -> str:
        """A SHA-256 (hex) of the plan, stored when the experiment starts and printed on its report."""
        return hashlib.sha256(json.dumps([SCHEMA, asdict(self)], sort_keys=True, default=_plain).encode()).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{value!r} does not belong in a plan")
