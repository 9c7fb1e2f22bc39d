"""Rung 3: shallow boosted trees with fixed settings, which on churn data equal forty trials of tuning; and the trees of rung 4.

One thread and deterministic. The raw booster scores a float row in a third of a millisecond; contributions are exact TreeSHAP
(Lundberg et al. 2020), in log-odds. Several bags are the mean of boosters that differ by their seed only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import lightgbm
import numpy as np

from models.tabular.contract import from_log_odds

if TYPE_CHECKING:
    from models.tabular.contract import Arrays, Document
    from models.tabular.table import Examples, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class BoostedSettings:
    """`leaf_rows` is the least rows of a leaf where there are plenty; `bags` how many seeds are averaged."""

    trees: int = 120
    depth: int = 3
    leaves: int = 8
    rate: float = 0.05
    l2: float = 5.0
    columns: float = 0.5
    rows: float = 1.0
    leaf_rows: int = 20
    bags: int = 1

    def parameters(self, rows: int, seed: int) -> dict[str, Any]:
        """LightGBM's parameters for so many rows; the least rows of a leaf grow with them (from 5), or few would get a constant."""
        return {
            "objective": "binary",
            "max_depth": self.depth,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "lambda_l2": self.l2,
            "feature_fraction": self.columns,
            "bagging_fraction": self.rows,
            "bagging_freq": 0 if self.rows == 1.0 else 1,
            "min_data_in_leaf": min(self.leaf_rows, max(5, rows // 50)),
            "seed": seed,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


SHALLOW = BoostedSettings()


@dataclass(frozen=True, slots=True, eq=False)
class Boosted:
    """`texts` are LightGBM's own model files, which restore the boosters to the bit."""

    boosters: tuple[lightgbm.Booster, ...]
    texts: tuple[str, ...]
    base: float
    name: ClassVar[str] = "boosted trees"
    number: ClassVar[int] = 3

    def score(self, values: Floats) -> Floats:
        """Shape (rows,): the mean of the bags."""
        found = [np.asarray(one.predict(values, raw_score=True, num_threads=1)) for one in self.boosters]
        return np.asarray(sum(found) / len(found))

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns): exact TreeSHAP values."""
        found = [np.asarray(one.predict(values, pred_contrib=True, num_threads=1))[:, :-1] for one in self.boosters]
        return np.asarray(sum(found) / len(found))

    def parts(self) -> tuple[Arrays, Document]:
        """The model files."""
        return {}, {"texts": list(self.texts)}

    @classmethod
    def from_parts(cls, _arrays: Arrays, document: Document) -> Boosted:
        """The rung that `parts` took apart, of one text where it was written before there were bags."""
        return _from_texts([str(text) for text in document.get("texts") or [document["text"]]])


def fit_boosted(examples: Examples, *, settings: BoostedSettings = SHALLOW, seed: int = 0) -> Boosted:
    """The fit; a function of its rows, its settings and the seed."""
    values, label = examples.table.values, examples.label.astype(np.float64)
    texts = []
    for bag in range(settings.bags):
        parameters = settings.parameters(len(examples), seed + bag)
        data = lightgbm.Dataset(values, label=label, free_raw_data=True)
        texts.append(lightgbm.train(parameters, data, num_boost_round=settings.trees).model_to_string())
    return _from_texts(texts)


def _from_texts(texts: list[str]) -> Boosted:
    boosters = tuple(lightgbm.Booster(model_str=text) for text in texts)
    nothing = np.full((1, boosters[0].num_feature()), np.nan)
    bases = [float(np.asarray(one.predict(nothing, pred_contrib=True))[0, -1]) for one in boosters]
    return Boosted(boosters=boosters, texts=tuple(texts), base=sum(bases) / len(bases))
