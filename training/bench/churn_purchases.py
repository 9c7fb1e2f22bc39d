"""The churn benchmark on purchases: who will order nothing within the horizon, learned before a moment and judged after it.

Features end strictly before their moment, every learning window closes before the judged moment, and the learner is chosen on past moments
alone (or by its number of cases where the past is too short to choose by). Intervals draw whole customers.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import lightgbm
import numpy as np

from billing.kernel.errors import InvalidError
from models.churn.buying import buying_features
from models.churn.label import label_silence
from models.churn.rhythm import churn_horizon
from models.metrics.classification import describe, log_loss, metric_lead
from models.tabular.boosted import BoostedSettings, fit_boosted
from models.tabular.labels import DAY_US, Window
from models.tabular.logistic import fit_logistic
from models.tabular.recency_rule import fit_recency_rule
from models.tabular.table import Examples, FeatureTable
from training.bench.published import published_for
from training.bench.purchases_file import read_purchases_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from models.churn.buying import Orders
    from models.metrics.interval import Interval
    from models.tabular.table import Floats
    from training.bench.published import Published

SILENCE = "days_since_last_order"
CLOSED_FORM = "closed_form_silence"
FEWEST_CASES = 200
_MOST_MOMENTS = 6
_BAGGED = BoostedSettings(bags=3)


class TooShortError(InvalidError):
    """The file does not reach far enough back to learn and judge."""

    code = "history_too_short"


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseModel:
    """One row: every metric with its 95 % interval; `lead` is our AUC less theirs on the same customers, `brier_lead` theirs less ours."""

    name: str
    metrics: Mapping[str, Interval]
    lead: Interval | None = None
    brier_lead: Interval | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurchaseReport:
    """What was learned when, and how well each model did on the customers of the judged moment. Moments are ISO dates in UTC."""

    file: str
    sha256: str
    orders: int
    customers: int
    dropped: Mapping[str, int]
    read_as: Mapping[str, str]
    cutoff: str
    horizon_days: int
    horizon_why: str
    learned_at: tuple[str, ...]
    learned_rates: tuple[float, ...]
    judged: int
    rate: float
    models: tuple[PurchaseModel, ...]
    features: int
    why: str
    seed: int
    published: tuple[Published, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The rows of one moment."""

    as_of_us: int
    examples: Examples


def bench_churn_purchases(
    path: Path,
    *,
    horizon_days: int | None = None,
    cutoff_us: int | None = None,
    seed: int = 42,
    columns: Mapping[str, str] | None = None,
    published: str = "",
    tell: Callable[[str], None] = lambda _words: None,
) -> PurchaseReport:
    """Learn before the cutoff (by default the last at which a whole horizon is observed), judge at it."""
    started = time.perf_counter()
    tell("reading the file")
    file = read_purchases_file(path, columns=columns)
    orders = file.orders
    horizon, why_horizon = _horizon(orders, horizon_days)
    until_us = int(orders.at_us.max()) // DAY_US * DAY_US
    cut_us = until_us - horizon * DAY_US if cutoff_us is None else cutoff_us
    if cut_us + horizon * DAY_US > int(orders.at_us.max()) + DAY_US:
        raise TooShortError(f"{horizon} days after {_iso(cut_us)} are not in the file", last=_iso(until_us))
    learn = []
    for number, moment in enumerate(learning_moments(int(orders.at_us.min()), cut_us, horizon_days=horizon)):
        tell(f"features at moment {number + 1}")
        learn.append(_snapshot(orders, moment, horizon, known_until_us=cut_us))
    judged = _snapshot(orders, cut_us, horizon, known_until_us=cut_us + horizon * DAY_US).examples
    if not 0 < judged.positives < len(judged):
        raise TooShortError("everybody of the judged moment has the same outcome", rows=len(judged))
    train = pooled(learn)
    tell("learning")
    rung, why = _choose(learn, horizon * DAY_US, seed)
    found = {
        "recency rule": fit_recency_rule(train, SILENCE).probability(judged.table.values),
        "BG/NBD, no labels": judged.table.column(CLOSED_FORM),
        "logistic regression, last moment": fit_logistic(learn[-1].examples).probability(judged.table.values),
        "logistic regression, all moments": fit_logistic(train).probability(judged.table.values),
        "LightGBM, default settings": _default(train, judged),
        f"our ladder: {rung}": LEARNERS[rung](train, judged, seed),
    }
    return PurchaseReport(
        file=path.name,
        sha256=file.sha256,
        orders=len(orders),
        customers=orders.names.size,
        dropped=file.dropped,
        read_as=file.read_as,
        cutoff=_iso(cut_us),
        horizon_days=horizon,
        horizon_why=why_horizon,
        learned_at=tuple(_iso(one.as_of_us) for one in learn),
        learned_rates=tuple(float(one.examples.label.mean()) for one in learn),
        judged=len(judged),
        rate=float(judged.label.mean()),
        models=_figures(found, judged, seed, tell),
        features=len(judged.table.columns),
        why=why,
        seed=seed,
        published=published_for(file.sha256, published),
        seconds=time.perf_counter() - started,
    )


def learning_moments(first_us: int, cutoff_us: int, *, horizon_days: int) -> list[int]:
    """Every third of a horizon, the last window closing at the cutoff; none before a horizon of history, unless that leaves none.

    >>> [moment // DAY_US for moment in learning_moments(0, 282 * DAY_US, horizon_days=91)]
    [101, 131, 161, 191]
    """
    horizon_us, step_us = horizon_days * DAY_US, max(horizon_days // 3, 1) * DAY_US
    last_us = cutoff_us - horizon_us
    for history_us in (horizon_us, horizon_us // 3):
        moments = [last_us - number * step_us for number in range(_MOST_MOMENTS)]
        kept = sorted(moment for moment in moments if moment >= first_us + history_us)
        if kept:
            return kept
    raise TooShortError(
        f"before {_iso(cutoff_us)} there is no room for {horizon_days} days of outcome and some history before them",
        first=_iso(first_us),
    )


def pooled(snapshots: list[Snapshot]) -> Examples:
    """The rows of several moments as one table."""
    return Examples(
        FeatureTable(
            snapshots[0].examples.table.columns, np.concatenate([one.examples.table.values for one in snapshots])
        ),
        np.concatenate([one.examples.label for one in snapshots]),
        np.concatenate([one.examples.customers for one in snapshots]),
    )


def _horizon(orders: Orders, told: int | None) -> tuple[int, str]:
    if told is not None:
        return told, "as asked"
    found = churn_horizon(orders.customer, orders.at_us)
    return found.days, found.explanation


def _snapshot(orders: Orders, as_of_us: int, horizon_days: int, *, known_until_us: int) -> Snapshot:
    window = Window.after(as_of_us, horizon_days=horizon_days)
    labels = label_silence(orders.customer, orders.at_us, window=window, observed_until_us=known_until_us)
    _, table = buying_features(orders, as_of_us, horizon_days=horizon_days)
    return Snapshot(as_of_us, Examples(table, labels.label, orders.names[labels.customers]))


def _choose(learn: list[Snapshot], horizon_us: int, seed: int) -> tuple[str, str]:
    """The learner of least log loss on the last learning moment, by fits on moments whose windows had closed before it."""
    if pooled(learn).rarer < FEWEST_CASES:
        return "logistic regression", f"fewer than {FEWEST_CASES} cases of the rarer outcome"
    last = learn[-1].examples
    before = [one for one in learn if one.as_of_us + horizon_us <= learn[-1].as_of_us]
    if not before or pooled(before).rarer < FEWEST_CASES or not 0 < last.positives < len(last):
        return "boosted trees", "the past is too short to choose by, so what does best in general"
    losses = {name: log_loss(last.label, learner(pooled(before), last, seed)) for name, learner in LEARNERS.items()}
    best = min(losses, key=lambda name: losses[name])
    return best, f"least log loss at the last past moment ({', '.join(f'{k} {v:.4f}' for k, v in losses.items())})"


def _boosted(train: Examples, asked: Examples, seed: int) -> Floats:
    return fit_boosted(train, settings=_BAGGED, seed=seed).probability(asked.table.values)


def _logistic(train: Examples, asked: Examples, _seed: int) -> Floats:
    return fit_logistic(train).probability(asked.table.values)


LEARNERS: dict[str, Callable[[Examples, Examples, int], Floats]] = {
    "boosted trees": _boosted,
    "logistic regression": _logistic,
}


def _default(train: Examples, asked: Examples) -> Floats:
    parameters = {
        "objective": "binary",
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    data = lightgbm.Dataset(train.table.values, label=train.label.astype(np.float64))
    return np.asarray(lightgbm.train({**parameters, "seed": 0}, data, num_boost_round=100).predict(asked.table.values))


def _figures(
    found: Mapping[str, Floats], judged: Examples, seed: int, tell: Callable[[str], None]
) -> tuple[PurchaseModel, ...]:
    ours = list(found.values())[-1]
    models = []
    for name, probability in found.items():
        tell(f"judging {name}")
        rng = np.random.default_rng(seed)
        metrics = describe(judged.label, probability, customers=judged.customers, rng=rng, draws=200)
        is_ours = probability is ours
        models.append(
            PurchaseModel(
                name=name,
                metrics=metrics,
                lead=None if is_ours else metric_lead("auc", judged.label, ours, probability, rng=rng),
                brier_lead=None if is_ours else metric_lead("brier", judged.label, probability, ours, rng=rng),
            )
        )
    return tuple(models)


def _iso(at_us: int) -> str:
    return str(np.datetime64(at_us, "us").astype("datetime64[D]"))
