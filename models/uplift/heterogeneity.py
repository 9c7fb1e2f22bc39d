"""Whether customers differ in what a treatment changes, tested before anything is targeted by it.

Scores are cross-fitted: each row is scored by a fit that never saw it. The best linear predictor of the true uplift by the score is
read from a weighted regression of the outcome on (arm - share) and (arm - share) * (score - its mean); a slope above zero is
heterogeneity that the score finds (Chernozhukov, Demirer, Duflo and Fernandez-Val 2018, section 3.2). The chance to respond without
treatment, cross-fitted too, stands in the regression with an interaction of its own: a mail that merely does more to those who come anyway
needs no learner of uplift. Because a split is a draw, the test is repeated over splits and the p-value is twice the median, which keeps
its level whatever the splits share (their section 5). Several learners are corrected by Holm 1979.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import ndtr

from models.uplift.combination import Combination
from models.uplift.contract import Experiment, UpliftError, folds
from models.uplift.learners import RESPONSE_LOGISTIC
from models.uplift.metrics import qini
from models.uplift.outcomes import fit_additive, fit_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.uplift.contract import FittedUplift, Learner

    Floats = NDArray[np.float64]

LEVEL = 0.05
REPEATS, PARTS = 5, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """The slope of the true uplift on one learner's score (1 if calibrated, 0 if the score says nothing), medians over splits."""

    learner: str
    slope: float
    error: float
    p_value: float
    adjusted_p: float
    qini: float
    below_response: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Heterogeneity:
    """The tests, and the sentence for people; `is_usable` is whether targeting by uplift has anything to go by."""

    is_usable: bool
    slopes: tuple[Slope, ...]
    effect: float
    effect_error: float
    response_qini: float
    said: str


def cross_fitted(learner: Learner, data: Experiment, part: NDArray[np.int64], rng: np.random.Generator) -> Floats:
    """Shape (rows,): each row's score by the fit on all other parts, less the mean of its part."""
    score = np.empty(len(data))
    for number in range(int(part.max()) + 1):
        mine = part == number
        found = learner.fit(data.of(~mine), rng).uplift(data.features[mine])
        score[mine] = found - found.mean()
    return score


def linear_predictor(score: Floats, data: Experiment, controls: Floats) -> tuple[float, float]:
    """The slope of uplift on a centred score and its standard error (robust, HC1); no slope for a score that does not vary.

    `controls` has shape (rows, columns): what explains the outcome whatever the arm, which makes the slope more certain.
    """
    spread = float(score.std())
    if spread < 1e-12:
        return 0.0, np.inf
    share = data.share
    moved = data.treated - share
    unit = score / spread
    design = np.column_stack([np.ones(len(data)), controls, unit, moved, controls * moved[:, np.newaxis], moved * unit])
    weight = np.sqrt(1 / np.where(data.treated, share, 1 - share))
    rows, target = design * weight[:, np.newaxis], data.outcome * weight
    inverse = np.linalg.pinv(rows.T @ rows)
    slopes = inverse @ (rows.T @ target)
    left = target - rows @ slopes
    meat = (rows * left[:, np.newaxis] ** 2).T @ rows * len(data) / max(len(data) - rows.shape[1], 1)
    error = float(np.sqrt(max((inverse @ meat @ inverse)[-1, -1], 0.0)))
    return float(slopes[-1]) / spread, error / spread


def examine(
    learners: Sequence[Learner],
    data: Experiment,
    rng: np.random.Generator,
    *,
    repeats: int = REPEATS,
    parts: int = PARTS,
) -> Heterogeneity:
    """Whether any of the learners finds differences that are certain, and that ranking by response would not serve better."""
    if not learners or repeats < 1:
        raise UpliftError("a test needs at least one learner and one split")
    found: dict[str, list[tuple[float, ...]]] = {learner.name: [] for learner in learners}
    response: list[float] = []
    for _ in range(repeats):
        part = folds(data, parts, rng)
        anyway = cross_fitted(_UNTREATED, data, part, rng)[:, np.newaxis]
        treated = cross_fitted(RESPONSE_LOGISTIC, data, part, rng)
        response.append(qini(treated, data.treated, data.outcome))
        for learner in learners:
            score = cross_fitted(learner, data, part, rng)
            slope, error = linear_predictor(score, data, anyway)
            p_value = float(ndtr(-slope / error)) if np.isfinite(error) and error > 0 else 1.0
            worse = surely_below(score, treated, data, rng)
            found[learner.name].append((slope, error, p_value, qini(score, data.treated, data.outcome), float(worse)))
    slopes = _slopes({name: np.median(np.array(rows), axis=0) for name, rows in found.items()}, repeats)
    return _told(slopes, data, float(np.median(response)))


def surely_below(score: Floats, other: Floats, data: Experiment, rng: np.random.Generator, *, draws: int = 60) -> bool:
    """Whether the Qini coefficient of one score is below that of another in 95 of 100 bootstrap samples of the rows."""
    below = 0
    for _ in range(draws):
        rows = rng.integers(0, len(data), len(data))
        arm, outcome = data.treated[rows], data.outcome[rows]
        below += qini(score[rows], arm, outcome) < qini(other[rows], arm, outcome)
    return below >= 0.95 * draws


@dataclass(frozen=True, slots=True)
class _Untreated:
    """The response without treatment, as if it were an uplift: what the test controls for."""

    name: str = "response without treatment"

    def fit(self, data: Experiment, rng: np.random.Generator) -> FittedUplift:
        arm = ~data.treated
        rows, seed = (data.features[arm], data.outcome[arm], np.ones(int(arm.sum()))), int(rng.integers(0, 2**31))
        return Combination(((0.5, fit_line(*rows, seed)), (0.5, fit_additive(*rows, seed))))


_UNTREATED: Final = _Untreated()


def _slopes(medians: dict[str, Floats], repeats: int) -> tuple[Slope, ...]:
    raw = {name: min(1.0, (2 if repeats > 1 else 1) * float(row[2])) for name, row in medians.items()}
    adjusted = _holm(raw)
    return tuple(
        Slope(
            learner=name,
            slope=float(row[0]),
            error=float(row[1]),
            p_value=raw[name],
            adjusted_p=adjusted[name],
            qini=float(row[3]),
            below_response=bool(row[4] > 0.5),
        )
        for name, row in medians.items()
    )


def _told(slopes: tuple[Slope, ...], data: Experiment, response: float) -> Heterogeneity:
    best = min(slopes, key=lambda slope: (slope.adjusted_p, -slope.qini))
    usable = any(slope.adjusted_p < LEVEL and not slope.below_response for slope in slopes)
    p_value = "p < 0.0001" if best.adjusted_p < 1e-4 else f"p {best.adjusted_p:.4f}"
    if usable:
        said = f"customers differ in what the treatment changes ({best.learner}: {p_value}), so it pays to choose whom to treat"
    else:
        why = f"{best.learner}: {p_value}" if best.adjusted_p >= LEVEL else "ranking by response alone finds more"
        said = f"no usable heterogeneity ({why}): treat all or none, by margin"
    return Heterogeneity(
        is_usable=usable,
        slopes=slopes,
        effect=data.effect,
        effect_error=data.effect_error,
        response_qini=response,
        said=said,
    )


def _holm(p_values: dict[str, float]) -> dict[str, float]:
    ordered = sorted(p_values.items(), key=lambda pair: pair[1])
    found, highest = {}, 0.0
    for place, (name, value) in enumerate(ordered):
        highest = max(highest, min(1.0, value * (len(ordered) - place)))
        found[name] = highest
    return found
