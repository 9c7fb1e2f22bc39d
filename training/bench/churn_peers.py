"""What a careful person without our ladder would fit on a table: logistic regression, LightGBM as it comes, LightGBM tuned.

Each peer learns from the rows it is given and answers for others; whatever it prepares (indicators, scales, fills) it prepares from the
learning rows alone. LightGBM gets level numbers as native categories.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models.metrics.classification import log_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.tabular.table import Examples, Floats

_QUIET = {"num_threads": 1, "deterministic": True, "force_row_wise": True, "verbosity": -1, "seed": 0}
_DEFAULT = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "min_data_in_leaf": 20}
_DEFAULT_TREES = 100
_TUNING_SEED = 7
_MOST_TUNING_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Peer:
    """`fit_score(learning rows, rows asked)` gives probabilities of shape (rows asked,)."""

    name: str
    fit_score: Callable[[Examples, Examples], Floats]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tuned:
    """LightGBM parameters found by trials, and their number of trees."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    trees: int = _DEFAULT_TREES
    trials: int = 0


def table_peers(categorical: tuple[str, ...], tuned: Tuned) -> list[Peer]:
    """The peers in the order of the report."""

    def boosted(parameters: Mapping[str, Any], trees: int) -> Callable[[Examples, Examples], Floats]:
        return lambda train, asked: _lightgbm(train, asked, categorical, parameters, trees)

    return [
        Peer("base rate", lambda train, asked: np.full(len(asked), (train.positives + 0.5) / (len(train) + 1))),
        Peer("logistic regression, C=1", lambda train, asked: _logistic(train, asked, categorical, 1.0)),
        Peer("logistic regression, C=.1", lambda train, asked: _logistic(train, asked, categorical, 0.1)),
        Peer("LightGBM, default settings", boosted(_DEFAULT, _DEFAULT_TREES)),
        Peer(
            "LightGBM, tuned",
            boosted(tuned.parameters, tuned.trees),
            f"Optuna TPE, {tuned.trials} trials on the first fold's learning rows, its own inner folds",
        ),
    ]


def tune_lightgbm(
    train: Examples, categorical: tuple[str, ...], *, trials: int, tell: Callable[[str], None], folds: int = 5
) -> Tuned:
    """The settings of least log loss on inner folds; seeded, and on at most twenty thousand rows."""
    if trials <= 0:
        return Tuned(_DEFAULT)
    import optuna  # noqa: PLC0415 (half a second that only this bench needs)

    rows = np.random.default_rng(_TUNING_SEED).permutation(len(train))[:_MOST_TUNING_ROWS]
    sample = train.take(np.sort(rows))
    inner = list(StratifiedKFold(folds, shuffle=True, random_state=_TUNING_SEED).split(rows, sample.label))

    def objective(trial: optuna.Trial) -> float:
        tell(f"tuning the peer, trial {trial.number + 1} of {trials}")
        parameters, trees = _suggest(trial)
        losses = [
            log_loss(
                sample.label[out], _lightgbm(sample.take(inside), sample.take(out), categorical, parameters, trees)
            )
            for inside, out in inner
        ]
        return float(np.mean(losses))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=_TUNING_SEED))
    study.optimize(objective, n_trials=trials)
    parameters, trees = _suggest(optuna.trial.FixedTrial(study.best_params))
    return Tuned(parameters, trees, trials)


def _suggest(trial: Any) -> tuple[dict[str, Any], int]:
    """One point of the usual search space of LightGBM."""
    parameters = {
        "objective": "binary",
        "learning_rate": trial.suggest_float("learning_rate", 0.01, 0.15, log=True),
        "num_leaves": trial.suggest_int("num_leaves", 4, 64, log=True),
        "min_data_in_leaf": trial.suggest_int("min_data_in_leaf", 5, 120, log=True),
        "bagging_fraction": trial.suggest_float("bagging_fraction", 0.5, 1.0),
        "bagging_freq": 1,
        "feature_fraction": trial.suggest_float("feature_fraction", 0.3, 1.0),
        "lambda_l2": trial.suggest_float("lambda_l2", 0.01, 30.0, log=True),
        "lambda_l1": trial.suggest_float("lambda_l1", 0.001, 10.0, log=True),
        "cat_smooth": trial.suggest_float("cat_smooth", 1.0, 100.0, log=True),
    }
    return parameters, trial.suggest_int("trees", 50, 500, log=True)


def _lightgbm(
    train: Examples, asked: Examples, categorical: tuple[str, ...], parameters: Mapping[str, Any], trees: int
) -> Floats:
    places = [place for place, name in enumerate(train.table.columns) if name in categorical]
    data = lightgbm.Dataset(
        train.table.values, label=train.label.astype(np.float64), categorical_feature=places, params={"verbosity": -1}
    )
    booster = lightgbm.train({**parameters, **_QUIET}, data, num_boost_round=trees)
    return np.asarray(booster.predict(asked.table.values, num_threads=1), dtype=np.float64)


def _logistic(train: Examples, asked: Examples, categorical: tuple[str, ...], penalty_c: float) -> Floats:
    columns = train.table.columns
    levels = [place for place, name in enumerate(columns) if name in categorical]
    numbers = [place for place, name in enumerate(columns) if name not in categorical]
    prepared = ColumnTransformer(
        [
            ("levels", OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=60), levels),
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ],
        sparse_threshold=0.0,
    )
    model = make_pipeline(prepared, LogisticRegression(C=penalty_c, max_iter=2000))
    model.fit(train.table.values, train.label)
    return np.asarray(model.predict_proba(asked.table.values)[:, 1], dtype=np.float64)
