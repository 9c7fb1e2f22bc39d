"""Outcome models that the learners are made of: a ridge (logistic for yes or no) and shallow boosted trees, each with row weights.

Both give the expected outcome for each row. The ridge standardises its columns and bends them by the inverse hyperbolic sine, which is a
line near the mean and a logarithm far from it, as amounts and counts need; its penalty is that of one row. The trees are few and shallow,
since what is learned is a small difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import lightgbm
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_RIDGE = 1.0
_STEPS = 30


class Outcome(Protocol):
    """A fitted outcome model."""

    def expected(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        ...

    def to_document(self) -> dict[str, Any]:
        """The model as JSON values, which `outcome_of` reads."""
        ...


class Base(Protocol):
    """A way to fit one."""

    def __call__(self, features: Floats, outcome: Floats, weights: Floats, seed: int, /) -> Outcome:
        """The fit."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Expected outcome from a linear score, through the logistic function where `is_logistic`."""

    center: Floats
    scale: Floats
    slopes: Floats
    is_logistic: bool

    def to_document(self) -> dict[str, Any]:
        """Plain values."""
        numbers = {"center": self.center.tolist(), "scale": self.scale.tolist(), "slopes": self.slopes.tolist()}
        return {"kind": "line", "is_logistic": self.is_logistic, **numbers}

    def expected(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        score = self.slopes[0] + np.arcsinh((features - self.center) / self.scale) @ self.slopes[1:]
        if not self.is_logistic:
            return np.asarray(score)
        return np.asarray(1 / (1 + np.exp(-np.clip(score, -35, 35))))


@dataclass(frozen=True, slots=True, eq=False)
class Trees:
    """A LightGBM booster."""

    booster: lightgbm.Booster

    def to_document(self) -> dict[str, Any]:
        """LightGBM's own model file, which restores the booster to the bit."""
        return {"kind": "trees", "text": self.booster.model_to_string()}

    def expected(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        return np.asarray(self.booster.predict(features, num_threads=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class WithColumn:
    """A model of one more column at the end, asked with that column at one value."""

    model: Outcome
    value: float

    def to_document(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": "with column", "value": self.value, "model": self.model.to_document()}

    def expected(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        return self.model.expected(np.column_stack([features, np.full(len(features), self.value)]))


def outcome_of(document: Mapping[str, Any]) -> Outcome:
    """The outcome model that `to_document` took apart."""
    if document["kind"] == "trees":
        import lightgbm  # noqa: PLC0415 (heavy, and the ridge does without)

        return Trees(lightgbm.Booster(model_str=str(document["text"])))
    if document["kind"] == "with column":
        return WithColumn(outcome_of(document["model"]), float(document["value"]))
    center, scale, slopes = (np.asarray(document[name], dtype=np.float64) for name in ("center", "scale", "slopes"))
    return Line(center, scale, slopes, is_logistic=bool(document["is_logistic"]))


def fit_line(features: Floats, outcome: Floats, weights: Floats, _seed: int = 0) -> Line:
    """Ridge by Newton's steps; an outcome of zeros and ones is taken through the logistic function."""
    center = np.average(features, axis=0, weights=weights)
    scale = np.sqrt(np.average((features - center) ** 2, axis=0, weights=weights))
    scale = np.where(scale > 1e-12, scale, 1.0)
    design = np.column_stack([np.ones(len(features)), np.arcsinh((features - center) / scale)])
    penalty = np.full(design.shape[1], _RIDGE)
    penalty[0] = 1e-9
    binary = bool(np.isin(outcome, (0.0, 1.0)).all()) and 0 < outcome.mean() < 1
    slopes = np.zeros(design.shape[1])
    if not binary:
        gram = (design * weights[:, np.newaxis]).T @ design + np.diag(penalty)
        return Line(center, scale, np.linalg.solve(gram, design.T @ (weights * outcome)), is_logistic=False)
    share = float(np.average(outcome, weights=weights))
    slopes[0] = np.log(share / (1 - share))
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ slopes, -35, 35)))
        curve = weights * np.maximum(chance * (1 - chance), 1e-9)
        slope = design.T @ (weights * (outcome - chance)) - penalty * slopes
        step = np.linalg.solve((design * curve[:, np.newaxis]).T @ design + np.diag(penalty), slope)
        slopes = slopes + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    return Line(center, scale, slopes, is_logistic=True)


def fit_trees(features: Floats, outcome: Floats, weights: Floats, seed: int = 0) -> Trees:
    """Sixty trees of four leaves."""
    return _boost(features, outcome, weights, leaves=4, rounds=60, seed=seed)


def fit_additive(features: Floats, outcome: Floats, weights: Floats, seed: int = 0) -> Trees:
    """A hundred trees of two leaves: a bent line a column and no interactions, which a small difference seldom affords."""
    return _boost(features, outcome, weights, leaves=2, rounds=100, seed=seed)


def fit_deep(features: Floats, outcome: Floats, weights: Floats, seed: int = 0) -> Trees:
    """Two hundred trees of sixteen leaves, for many rows and strong effects."""
    return _boost(features, outcome, weights, leaves=16, rounds=200, seed=seed)


def _boost(features: Floats, outcome: Floats, weights: Floats, *, leaves: int, rounds: int, seed: int) -> Trees:
    """Binary loss for zeros and ones, squares otherwise; one thread, deterministic."""
    import lightgbm  # noqa: PLC0415 (heavy, and the ridge does without)

    settings = {
        "objective": "binary" if np.isin(outcome, (0.0, 1.0)).all() else "regression",
        "num_leaves": leaves,
        "learning_rate": 0.05,
        "min_data_in_leaf": int(min(200, max(5, len(outcome) // 50))),
        "lambda_l2": 5.0,
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
        "seed": seed,
    }
    data = lightgbm.Dataset(features, label=outcome, weight=weights, free_raw_data=True)
    return Trees(lightgbm.train(settings, data, num_boost_round=rounds))
