"""Rung 3: 120 shallow boosted trees with fixed settings, which on churn data equal forty trials of tuning.

One thread and deterministic. The raw booster scores a float row in a third of a millisecond; contributions are exact TreeSHAP
(Lundberg et al. 2020), in log-odds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import lightgbm
import numpy as np

from models.tabular.contract import from_log_odds

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats

TREES = 120
_SETTINGS = {
    "objective": "binary",
    "max_depth": 3,
    "num_leaves": 8,
    "learning_rate": 0.05,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """`text` is LightGBM's own model file, which restores the booster to the bit."""

    booster: lightgbm.Booster
    text: str
    base: float
    name: ClassVar[str] = "boosted trees"
    number: ClassVar[int] = 3

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return from_log_odds(np.asarray(self.booster.predict(values, raw_score=True, num_threads=1)))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns): exact TreeSHAP values."""
        return np.asarray(self.booster.predict(values, pred_contrib=True, num_threads=1))[:, :-1]

    def parts(self) -> tuple[Arrays, Document]:
        """The model file."""
        return {}, {"text": self.text}

    @classmethod
    def from_parts(cls, _arrays: Arrays, document: Document) -> Boosted:
        """The rung that `parts` took apart."""
        return _from_text(str(document["text"]))


def fit_boosted(examples: Examples, *, seed: int = 0) -> Boosted:
    """The fit; the least rows of a leaf grow with the data (5 to 20), or few customers would get a constant."""
    rows = len(examples)
    settings = {**_SETTINGS, "seed": seed, "min_data_in_leaf": min(20, max(5, rows // 50))}
    data = lightgbm.Dataset(examples.table.values, label=examples.label.astype(np.float64), free_raw_data=True)
    return _from_text(lightgbm.train(settings, data, num_boost_round=TREES).model_to_string())


def _from_text(text: str) -> Boosted:
    booster = lightgbm.Booster(model_str=text)
    nothing = np.full((1, booster.num_feature()), np.nan)
    base = float(np.asarray(booster.predict(nothing, pred_contrib=True))[0, -1])
    return Boosted(booster=booster, text=text, base=base)
