"""Chooses the champion's settings on past time only: the training part is cut again, and what is to be beaten later is never seen.

The last two horizons before the moment each serve once as an inner test. The personal part is chosen by recall of new items, the repeat
part by recall of any item. Too little past to cut keeps the defaults, and the answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.recommender import evaluate
from models.recommender.blend import BlendConfig, FittedBlend, Relevance, compose, fit_relevance
from models.recommender.contract import Histories
from models.recommender.interactions import DAY_US, Floats, Interactions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from models.recommender.ease import EaseConfig
    from models.recommender.trend import TrendConfig

    Progress = Callable[[str], None]

MIN_CUSTOMERS = 20
FOLDS = 2
_MANY_ITEMS = 1_500  # beyond this each trial costs seconds, and the ranker weighs the same parts better than any grid
_HALF_LIVES: tuple[float | None, ...] = (45.0, 90.0, 180.0, None)
_SHRINKAGES = (10.0, 30.0, 100.0, 300.0, 1000.0)
_TREND_HALF_LIVES = (4.0, 7.0, 14.0, 30.0)
_TREND_EXPONENTS = (0.0, 0.4, 0.8, 1.0)
_POPULARITY = (0.0, 0.1, 0.3, 1.0, 3.0)
_REPEAT = (0.5, 1.0, 2.0, 4.0, 8.0)
_MAX_CUSTOMERS = 2_000
_MAX_CELLS = 2_000_000  # customers times items of a fold


@dataclass(frozen=True, slots=True)
class Tuned:
    """The chosen settings, how they were chosen in one sentence, and the inner recall they reached (None: not cut)."""

    config: BlendConfig
    how: str
    inner_recall: float | None


@dataclass(frozen=True, slots=True)
class _Fold:
    """One inner cut: what was known, and the two tasks that follow."""

    known: Interactions
    as_of_us: int
    new: evaluate.Task
    any: evaluate.Task
    new_histories: Histories
    any_histories: Histories


def tune_blend(
    interactions: Interactions, as_of_us: int, *, horizon_days: float, k: int, progress: Progress | None = None
) -> Tuned:
    """Settings for `horizon_days` ahead, from what lies before the moment."""
    past = interactions.before(as_of_us).compact()
    if past.items.size > _MANY_ITEMS:
        return Tuned(BlendConfig(), f"defaults: above {_MANY_ITEMS:,} items the ranker weighs the parts", None)
    folds = list(_folds(past, as_of_us, horizon_days))
    if not folds:
        return Tuned(BlendConfig(), "defaults: too little past for an inner split by time", None)
    search = _Search(folds, k, progress)
    config, fits = search.relevance(BlendConfig())
    config = search.item_side(config, fits)
    config, reached = search.repeats(config, fits)
    how = f"chosen by recall@{k} on {len(folds)} inner split(s) by time of {horizon_days:g} days"
    return Tuned(config, how, reached)


class _Search:
    """Coordinate search over a small grid; every value is the mean over folds."""

    def __init__(self, folds: list[_Fold], k: int, progress: Progress | None) -> None:
        self._folds = folds
        self._k = k
        self._progress = progress

    def relevance(self, start: BlendConfig) -> tuple[BlendConfig, list[Relevance]]:
        """Half-life, then shrinkage by climbing: each needs a refit."""
        tried = [self._try(start, replace(start.ease, half_life_days=days)) for days in _HALF_LIVES]
        best = max(tried, key=lambda trial: trial[0])
        at = _SHRINKAGES.index(best[1].ease.shrinkage)
        for step in (-1, 1):
            place = at + step
            while 0 <= place < len(_SHRINKAGES):
                trial = self._try(start, replace(best[1].ease, shrinkage=_SHRINKAGES[place]))
                if trial[0] <= best[0]:
                    break
                best, place = trial, place + step
        return best[1], best[2]

    def item_side(self, config: BlendConfig, fits: list[Relevance]) -> BlendConfig:
        """Trend and popularity: no refit."""
        trends = [
            replace(config.trend, half_life_days=days, exponent=power)
            for days in _TREND_HALF_LIVES
            for power in _TREND_EXPONENTS
        ]
        config = self._best((replace(config, trend=trend) for trend in _once_without_trend(trends)), fits)
        return self._best((replace(config, popularity_weight=share) for share in _POPULARITY), fits)

    def repeats(self, config: BlendConfig, fits: list[Relevance]) -> tuple[BlendConfig, float]:
        """The repeat share by the any task; it cannot change the new task, whose recall is returned."""
        reached = self._new_recall(config, fits)
        options = [replace(config, repeat_weight=share) for share in _REPEAT]
        return max(options, key=lambda option: self._any_recall(option, fits)), reached

    def _try(self, start: BlendConfig, ease: EaseConfig) -> tuple[float, BlendConfig, list[Relevance]]:
        config = replace(start, ease=ease)
        fits = self._fit(ease)
        reached = self._new_recall(config, fits)
        if self._progress:
            fading = "none" if ease.half_life_days is None else f"{ease.half_life_days:g} d"
            self._progress(f"inner split: half-life {fading}, shrinkage {ease.shrinkage:g}: recall {reached:.4f}")
        return reached, config, fits

    def _fit(self, ease: EaseConfig) -> list[Relevance]:
        return [fit_relevance(fold.known, fold.as_of_us, ease) for fold in self._folds]

    def _best(self, options: Iterable[BlendConfig], fits: list[Relevance]) -> BlendConfig:
        return max(options, key=lambda option: self._new_recall(option, fits))

    def _new_recall(self, config: BlendConfig, fits: list[Relevance]) -> float:
        return self._recall(config, fits, lambda fold: (fold.new, fold.new_histories))

    def _any_recall(self, config: BlendConfig, fits: list[Relevance]) -> float:
        return self._recall(config, fits, lambda fold: (fold.any, fold.any_histories))

    def _recall(
        self,
        config: BlendConfig,
        fits: list[Relevance],
        pick: Callable[[_Fold], tuple[evaluate.Task, Histories]],
    ) -> float:
        values = []
        for fold, fitted_relevance in zip(self._folds, fits, strict=True):
            fitted = compose(fold.known, fold.as_of_us, config=config, relevance=fitted_relevance)
            task, histories = pick(fold)
            values.append(_mean_recall(fitted, task, histories, self._k))
        return float(np.mean(values))


def _mean_recall(fitted: FittedBlend, task: evaluate.Task, histories: Histories, k: int) -> float:
    scores: Floats = fitted.score(histories)
    hits = evaluate.hits_of(scores, histories, task.truth, k=k, mask_owned=task.masks_owned)
    return float(evaluate.measure(hits, task.truth).recall.mean())


def _folds(past: Interactions, as_of_us: int, horizon_days: float) -> Iterable[_Fold]:
    horizon_us = int(horizon_days * DAY_US)
    for number in range(FOLDS, 0, -1):
        cut_us = as_of_us - number * horizon_us
        known = past.before(cut_us)
        new, either = evaluate.build_tasks(known, past.between(cut_us, cut_us + horizon_us))
        if min(new.customers.size, either.customers.size) < MIN_CUSTOMERS:
            continue
        most = max(MIN_CUSTOMERS, min(_MAX_CUSTOMERS, _MAX_CELLS // max(known.items.size, 1)))
        new, either = evaluate.at_most(new, most), evaluate.at_most(either, most)
        yield _Fold(
            known=known,
            as_of_us=cut_us,
            new=new,
            any=either,
            new_histories=Histories.of(known, new.customers, cut_us),
            any_histories=Histories.of(known, either.customers, cut_us),
        )


def _once_without_trend(trends: list[TrendConfig]) -> list[TrendConfig]:
    """An exponent of 0 means the same for every half-life."""
    flat = [trend for trend in trends if trend.exponent == 0.0]
    return flat[:1] + [trend for trend in trends if trend.exponent > 0.0]
