"""Simulated experiments: how often each rule of deciding is wrong when nothing differs, and what it finds when something does.

Every run is one experiment of two equal arms, read once a day. The product's rows go through `judge`, masking and sample-ratio alarm
included, exactly as reports do; beside them stand the rules that people use: one fixed test at the end, the same test read daily, and
"stop when the chance to win passes 95 %" under a flat prior. Conversions are drawn as cases, revenue as an amount that most units lack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from models.experiments.inference.contrast import contrast
from models.experiments.inference.srm import ALARM_BELOW, Split, sample_ratio
from models.experiments.inference.sums import Cases, Sums
from models.experiments.plan import Arm, Design, Metric, MetricKind, Plan
from models.experiments.verdict import Look, State, judge
from models.metrics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Tell = Callable[[str], None]

Kind = Literal["conversion", "revenue"]
KINDS: tuple[Kind, ...] = ("conversion", "revenue")
_ARMS = (Arm(key="control", weight=0.5), Arm(key="treatment", weight=0.5))
_CERTAIN = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is simulated: so many experiments of so many units an arm over so many days, a base rate, and the lift to be found."""

    runs: int = 2_000
    units_an_arm: int = 500
    days: int = 28
    base: float = 0.05
    lift: float = 0.5
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One rule on one metric: shares of the experiments that ended with a win and with a loss of the treatment."""

    rule: str
    kind: Kind
    lift: float
    runs: int
    won: float
    lost: float

    @property
    def decided(self) -> float:
        """Either way: the error where there is no lift."""
        return self.won + self.lost

    @property
    def interval(self) -> Interval:
        """Wilson's, 95 %, of the share that decided."""
        found = stats.binomtest(round(self.decided * self.runs), self.runs).proportion_ci(method="wilson")
        return Interval(self.decided, float(found.low), float(found.high))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The rules without a lift and with one, and how often each split alarm cries wolf."""

    setting: Setting
    rows: tuple[Row, ...]
    false_alarms: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Arms:
    """Cumulated by run and day, shape (runs, days) each; units an arm by day, shape (days,)."""

    units: NDArray[np.int64]
    total: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]


def bench_experiments(setting: Setting, tell: Tell) -> Report:
    """All rules on both kinds of metric, without and with a lift."""
    rng = np.random.default_rng(setting.seed)
    rows: list[Row] = []
    for kind in KINDS:
        for lift in (0.0, setting.lift):
            arms = _drawn(kind, lift, setting, rng)
            rows.extend(_judged(kind, lift, arms, setting, tell))
            rows.extend(_compared(kind, lift, arms))
    tell("splits")
    return Report(setting=setting, rows=tuple(rows), false_alarms=_alarms(setting, rng))


def _drawn(kind: Kind, lift: float, setting: Setting, rng: np.random.Generator) -> _Arms:
    units = np.round(setting.units_an_arm * np.arange(1, setting.days + 1) / setting.days).astype(np.int64)
    steps = np.diff(units, prepend=0)
    drawn = [_days(kind, setting.base * (1 + part), steps, setting.runs, rng) for part in (0.0, lift)]
    return _Arms(units, (drawn[0][0], drawn[1][0]), (drawn[0][1], drawn[1][1]))


def _days(
    kind: Kind, rate: float, steps: NDArray[np.int64], runs: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Sums and sums of squares, cumulated: cases of 1, or for revenue a log-normal amount (sigma 1) for each case."""
    cases = rng.binomial(steps, rate, (runs, steps.size))
    if kind == "conversion":
        total = cases.cumsum(axis=1).astype(np.float64)
        return total, total
    amounts = rng.lognormal(3.0, 1.0, int(cases.sum()))
    owner = np.repeat(np.arange(cases.size), cases.ravel())
    shape = cases.shape
    total = np.bincount(owner, amounts, cases.size).reshape(shape).cumsum(axis=1)
    return total, np.bincount(owner, amounts**2, cases.size).reshape(shape).cumsum(axis=1)


def _judged(kind: Kind, lift: float, arms: _Arms, setting: Setting, tell: Tell) -> Iterator[Row]:
    """The product's two designs, by the verdict that a report would print."""
    for design, name in ((Design.ANYTIME, "sequence, read daily"), (Design.PLANNED, "two planned looks")):
        plan = _plan(kind, design, setting)
        signs = []
        for run in range(setting.runs):
            if run % 100 == 0:
                tell(f"{kind}, lift {lift:.0%}, {name}: {run:,} of {setting.runs:,}")
            signs.append(_verdict(kind, plan, arms, run))
        yield _row(name, kind, lift, np.array(signs))


def _plan(kind: Kind, design: Design, setting: Setting) -> Plan:
    metric = Metric(key=kind, kind=MetricKind.RATE if kind == "conversion" else MetricKind.MEAN)
    return Plan(
        key="simulated",
        salt="simulated",
        arms=_ARMS,
        primary=metric,
        design=design,
        planned_units=2 * setting.units_an_arm,
    )


def _verdict(kind: Kind, plan: Plan, arms: _Arms, run: int) -> int:
    """1 or -1 from the first day whose verdict decides for or against the treatment, else 0."""
    days = arms.units.size
    planned = {round(days * look) - 1: number for number, look in enumerate(plan.looks)}
    for day in planned if plan.design is Design.PLANNED else range(plan.fewest_days - 1, days):
        units = int(arms.units[day])
        number = planned[day] if plan.design is Design.PLANNED else None
        look = Look(days=day + 1, units=(units, units), planned=number)
        found = contrast(_summary(kind, arms, 0, run, day), _summary(kind, arms, 1, run, day))
        verdict = judge(plan, look, {"treatment": found}, {})
        if verdict.state is State.DECIDED:
            return 1 if verdict.winner == "treatment" else -1
    return 0


def _summary(kind: Kind, arms: _Arms, arm: int, run: int, day: int) -> Cases | Sums:
    units, total = int(arms.units[day]), float(arms.total[arm][run, day])
    return Cases(units, int(total)) if kind == "conversion" else Sums(units, total, float(arms.squares[arm][run, day]))


def _compared(kind: Kind, lift: float, arms: _Arms) -> Iterator[Row]:
    """What people do instead, on the absolute difference, over all runs at once."""
    n = arms.units.astype(np.float64)
    mean = [total / n for total in arms.total]
    spread = [
        np.maximum(square - total**2 / n, 0.0) / (n - 1) for square, total in zip(arms.squares, arms.total, strict=True)
    ]
    error = np.sqrt((spread[0] + spread[1]) / n)
    z = np.divide(mean[1] - mean[0], error, out=np.zeros_like(error), where=error > 0)
    edge = float(stats.norm.ppf(0.975))
    yield _row("one fixed test at the end", kind, lift, _first(z[:, -1:], edge))
    yield _row("the fixed test, read daily", kind, lift, _first(z, edge))
    yield _row("chance to win past 95 %, read daily", kind, lift, _first(z, float(stats.norm.ppf(_CERTAIN))))


def _first(z: Floats, edge: float) -> Floats:
    """The sign of the first day beyond the edge, 0 for none."""
    beyond = np.abs(z) >= edge
    first = beyond.argmax(axis=1)
    return np.where(beyond.any(axis=1), np.sign(z[np.arange(len(z)), first]), 0.0)


def _row(rule: str, kind: Kind, lift: float, signs: Floats | NDArray[np.int64]) -> Row:
    won, lost = float((signs > 0).mean()), float((signs < 0).mean())
    return Row(rule=rule, kind=kind, lift=lift, runs=len(signs), won=won, lost=lost)


def _alarms(setting: Setting, rng: np.random.Generator) -> dict[str, float]:
    """The share of clean experiments in which an alarm rang on any of the days, at a thousand units a day."""
    seen = rng.binomial(1_000, 0.5, (setting.runs, setting.days)).cumsum(axis=1)
    totals = 1_000 * np.arange(1, setting.days + 1)
    chi2 = (2 * seen - totals) ** 2 / totals
    loud = 0
    for run in seen.tolist():
        splits = (sample_ratio([a, n - a], [0.5, 0.5]) for a, n in zip(run, totals.tolist(), strict=True))
        loud += any(isinstance(split, Split) and split.is_alarming for split in splits)
    daily = (stats.chi2.sf(chi2, 1) < ALARM_BELOW).any(axis=1)
    return {"anytime, read daily": loud / setting.runs, "chi-squared, read daily": float(daily.mean())}
