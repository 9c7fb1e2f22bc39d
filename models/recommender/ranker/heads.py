"""The trees: LambdaMART for the order and a binary head for the chance, of one target, added up so that reasons stay exact.

A head's score is the mean over its boosters of raw score over scale. Sources: Burges 2010 (LambdaMART), Ke et al. 2017 (LightGBM), Platt
1999 (the chance). One thread, deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.ranker.examples import Examples, join
from models.recommender.ranker.pairs import FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import lightgbm
    from numpy.typing import NDArray

    from models.recommender.interactions import Floats

    Narrow = NDArray[np.float32]


_RAW = (1.0, 0.0)  # slope and offset of chances that nothing was held against


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeConfig:
    """Small trees, many of them; a list is judged to `truncation` places."""

    trees: int = 120
    leaves: int = 15
    rate: float = 0.08
    columns: float = 0.4
    rows: float = 0.8
    leaf_rows: int = 200
    l2: float = 20.0
    truncation: int = 40
    bins: int = 127

    def parameters(self, objective: str, rows: int, seed: int) -> dict[str, Any]:
        """LightGBM's parameters; with few rows leaves may be smaller."""
        return {
            "objective": objective,
            "num_leaves": self.leaves,
            "learning_rate": self.rate,
            "feature_fraction": self.columns,
            "bagging_fraction": self.rows,
            "bagging_freq": 1,
            "min_data_in_leaf": min(self.leaf_rows, max(5, rows // 200)),
            "lambda_l2": self.l2,
            "lambdarank_truncation_level": self.truncation,
            "seed": seed,
            "max_bin": self.bins,
            "num_threads": 1,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """`boosters` are the order, then the chance; `texts` are LightGBM's files of them; `platt` turns the last raw score into log-odds."""

    boosters: tuple[lightgbm.Booster, ...]
    texts: tuple[str, ...]
    scales: tuple[float, ...]
    platt: tuple[float, float] = _RAW

    def score(self, table: Narrow) -> Floats:
        """Shape (pairs,): larger is better, comparable within a customer."""
        if not table.shape[0]:
            return np.zeros(0)
        return self.together([np.asarray(one.predict(table, raw_score=True, num_threads=1)) for one in self.boosters])

    @property
    def is_calibrated(self) -> bool:
        """Whether its chances were held against what came true."""
        return self.platt != _RAW

    def together(self, raw: Sequence[Floats]) -> Floats:
        """One score from the boosters' raw scores (or one part from their parts)."""
        total = sum(values / scale for values, scale in zip(raw, self.scales, strict=True))
        return np.asarray(total) / len(raw)

    def chance(self, raw: Floats) -> Floats:
        """The chance that a customer who buys in the horizon takes the item, from the last booster's raw scores."""
        slope, offset = self.platt
        found: Floats = 1.0 / (1.0 + np.exp(-(slope * raw + offset)))
        return found


def head_from_texts(texts: Sequence[str], scales: Sequence[float], platt: Sequence[float]) -> Head:
    """The head that was kept as texts."""
    import lightgbm  # noqa: PLC0415 (a third of a second; shops without a ranker never pay it)

    return Head(
        boosters=tuple(lightgbm.Booster(model_str=text) for text in texts),
        texts=tuple(texts),
        scales=tuple(float(scale) for scale in scales),
        platt=(float(platt[0]), float(platt[1])),
    )


def fit_head(parts: Sequence[Examples], *, config: TreeConfig, seed: int) -> Head | None:
    """The head of these windows' examples; None where nothing was taken, or nothing left."""
    usable = [_with_hits(part) for part in parts]
    rows = join([part for part in usable if len(part)])
    if not rows.taken.any() or rows.taken.all():
        return None
    sizes = np.concatenate([np.unique(part.group, return_counts=True)[1] for part in usable if len(part)])
    import lightgbm  # noqa: PLC0415 (a third of a second; shops without a ranker never pay it)

    parameters = [config.parameters(objective, len(rows), seed) for objective in ("lambdarank", "binary")]
    data = lightgbm.Dataset(
        rows.table,
        label=rows.taken.astype(np.float32),
        group=sizes,
        feature_name=list(FEATURES),
        params=parameters[0] | {"bin_construct_sample_cnt": _BIN_ROWS},
        free_raw_data=False,
    )
    texts = [lightgbm.train(wish, data, num_boost_round=config.trees).model_to_string() for wish in parameters]
    plain = head_from_texts(texts, (1.0, 1.0), _RAW)
    sample = rows.table[:: max(1, len(rows) // _SCALE_ROWS)]
    scales = [max(float(np.std(np.asarray(one.predict(sample, raw_score=True)))), 1e-9) for one in plain.boosters]
    return head_from_texts(texts, scales, _RAW)


def calibrated(head: Head, examples: Examples) -> Head:
    """The same head with its chance fitted to rows it has not learned from; each negative stands for those left out."""
    if not examples.taken.any():
        return head
    raw = np.asarray(head.boosters[-1].predict(examples.table, raw_score=True, num_threads=1))
    return Head(boosters=head.boosters, texts=head.texts, scales=head.scales, platt=_platt(raw, examples))


_SCALE_ROWS, _BIN_ROWS = 20_000, 50_000


def _with_hits(part: Examples) -> Examples:
    """Only customers of whom a candidate was taken: the others have no order to learn."""
    groups = int(part.group.max()) + 1 if len(part) else 0
    hits = np.bincount(part.group, part.taken, minlength=groups)
    return part.only(hits[part.group] > 0)


def _platt(raw: Floats, examples: Examples, steps: int = 25) -> tuple[float, float]:
    """Slope and offset of the log-odds, by Newton steps on the log-loss with a little shrinkage of the slope to 1."""
    slope, offset = 1.0, 0.0
    label = examples.taken.astype(np.float64)
    stands_for = np.where(examples.taken, 1.0, 1.0 / examples.kept_share)
    for _ in range(steps):
        chance = 1.0 / (1.0 + np.exp(-(slope * raw + offset)))
        weight = np.maximum(chance * (1.0 - chance), 1e-9) * stands_for
        wrong = (chance - label) * stands_for
        gradient = np.array([(wrong * raw).sum() + (slope - 1.0), wrong.sum()])
        cross = float((weight * raw).sum())
        hessian = np.array([[float((weight * raw * raw).sum()) + 1.0, cross], [cross, float(weight.sum()) + 1e-6]])
        step = np.linalg.solve(hessian, gradient)
        slope, offset = slope - float(step[0]), offset - float(step[1])
        if np.abs(step).max() < 1e-9:
            break
    return slope, offset
