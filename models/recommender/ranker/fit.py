"""Fits the ranker for a moment: label windows before it, relations refitted for each, heads for new items and for any item.

Costs are bounded: at most `windows` windows, `customers` of each, and a share of the pairs nobody took; so time grows with the relations,
not with the customers. Knowledge and examples of a moment are made once, and the trees that were judged are the trees that serve.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.recommender.evaluate import ANY, NEW
from models.recommender.interactions import DAY_US
from models.recommender.ranker.addon import ADDON, addon_examples
from models.recommender.ranker.examples import Examples, Window, batch_size, examples_of, windows_before
from models.recommender.ranker.heads import Head, TreeConfig, calibrated, fit_head
from models.recommender.ranker.knowledge import Knowledge, KnowledgeConfig, learn
from models.recommender.ranker.pairs import candidate_pairs, features
from models.recommender.ranker.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from models.recommender.contract import Histories
    from models.recommender.interactions import Floats, Interactions

    Progress = Callable[[str], None]

_BELOW_ALL = -1e3  # where everything stands that is no candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerConfig:
    """How many label windows, of how many customers and baskets, which share of what nobody took, and how much taken it needs to begin."""

    horizon_days: float = 31.0
    windows: int = 3
    customers: int = 2_000
    baskets: int = 1_200
    negatives: float = 0.2
    fewest_taken: int = 200
    knowledge: KnowledgeConfig = field(default_factory=KnowledgeConfig)
    trees: TreeConfig = field(default_factory=TreeConfig)
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedRanker:
    """Knowledge of the moment with the heads of "new", "any" and, where baskets taught one, "addon"."""

    name: str
    knowledge: Knowledge
    heads: Mapping[str, Head]
    task: str = ANY

    def for_task(self, task: str) -> FittedRanker:
        """The same ranker, ordering for one task."""
        return FittedRanker(name=self.name, knowledge=self.knowledge, heads=self.heads, task=task)

    def score(self, histories: Histories) -> Floats:
        """Shape (customers, items): candidates by their head, and everything else below them by relevance."""
        scores = np.empty((histories.customers, self.knowledge.size))
        step = batch_size(self.knowledge.size)
        for start in range(0, histories.customers, step):
            scores[start : start + step] = self._score(histories.slice(start, start + step))
        return scores

    def _score(self, histories: Histories) -> Floats:
        reading = read(self.knowledge, histories)
        everything = np.ones((histories.customers, self.knowledge.size), dtype=np.bool_)
        row, col = candidate_pairs(self.knowledge, reading, everything, with_owned=self.task != NEW)
        relevance = reading.scores["trended"]
        scores: Floats = _BELOW_ALL + relevance / (1.0 + np.abs(relevance)).astype(np.float64)
        scores[row, col] = self.heads[self.task].score(features(self.knowledge, reading, row, col))
        return scores


class RankerFit:
    """One shop's knowledge and examples by moment, each made once."""

    def __init__(
        self,
        interactions: Interactions,
        *,
        names: Mapping[str, str] | None = None,
        config: RankerConfig | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._interactions = interactions
        self._names = names or {}
        self._config = config or RankerConfig()
        self._tell = progress or _silent
        self._knowledge: dict[int, Knowledge] = {}
        self._examples: dict[Window, Examples | None] = {}

    def fitted(self, as_of_us: int) -> FittedRanker | None:
        """The ranker as of a moment, from windows before it; None where the past gives none."""
        past = self._interactions.before(as_of_us)
        horizon = self._config.horizon_days
        windows = windows_before(past, as_of_us, horizon_days=horizon, most=self._config.windows)
        parts = [part for part in (self._examples_of(window) for window in windows) if part is not None]
        if sum(int(part.taken.sum()) for part in parts) < self._config.fewest_taken:
            return None
        self._tell(f"ranking trees on {sum(map(len, parts)):,} examples of {len(parts)} windows")
        trees, seed = self._config.trees, self._config.seed
        new = fit_head([part.only(~part.owned) for part in parts], config=trees, seed=seed)
        either = fit_head(parts, config=trees, seed=seed)
        if new is None or either is None:
            return None
        name = f"ranker ({len(parts)} windows, LambdaMART + chance)"
        self._tell("ranking trees for baskets")
        addon = self._addon(windows)
        heads = {NEW: new, ANY: either} | ({ADDON: addon} if addon else {})
        return FittedRanker(name=name, knowledge=self.knowledge_at(as_of_us), heads=heads)

    def serving(self, judged: FittedRanker, judged_us: int, as_of_us: int) -> FittedRanker:
        """The judged trees over the knowledge of a later moment, their chances set to what came true in between.

        What was judged is what serves; only what is known of customers and items moves on.
        """
        window = Window(start_us=judged_us, end_us=judged_us + int(self._config.horizon_days * DAY_US))
        whole = self._examples_of(window)
        heads = dict(judged.heads)
        if whole is not None:
            wanted = {NEW: whole.only(~whole.owned), ANY: whole}
            heads |= {task: calibrated(heads[task], rows) for task, rows in wanted.items()}
        return FittedRanker(name=judged.name, knowledge=self.knowledge_at(as_of_us), heads=heads)

    def _addon(self, windows: Sequence[Window]) -> Head | None:
        """The head of what completes a basket, from the same windows."""
        parts = []
        for window in windows if self._config.baskets else ():
            known = self._interactions.before(window.start_us).compact()
            found = addon_examples(
                known,
                self._interactions.between(window.start_us, window.end_us),
                self.knowledge_at(window.start_us),
                window,
                rng=self._rng(window, 1),
                most_baskets=self._config.baskets,
                negatives=self._config.negatives,
            )
            parts += [found] if found is not None else []
        if sum(int(part.taken.sum()) for part in parts) < self._config.fewest_taken:
            return None
        return fit_head(parts, config=self._config.trees, seed=self._config.seed)

    def _rng(self, window: Window, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._config.seed, purpose, window.start_us // 1_000_000])

    def knowledge_at(self, as_of_us: int) -> Knowledge:
        """The knowledge of everything before a moment, over the items seen by then."""
        if as_of_us not in self._knowledge:
            past = self._interactions.before(as_of_us).compact()
            self._tell(f"relating {past.items.size:,} items as of {_day(as_of_us)}")
            self._knowledge[as_of_us] = learn(past, as_of_us, names=self._names, config=self._config.knowledge)
        return self._knowledge[as_of_us]

    def _examples_of(self, window: Window) -> Examples | None:
        if window not in self._examples:
            self._examples[window] = examples_of(
                self._interactions,
                window,
                lambda _, moment_us: self.knowledge_at(moment_us),
                rng=self._rng(window, 0),
                most_customers=self._config.customers,
                negatives=self._config.negatives,
            )
        return self._examples[window]


def _day(moment_us: int) -> str:
    return str(np.datetime64(moment_us, "us").astype("datetime64[D]"))


def _silent(_: str) -> None:
    """Progress that nobody watches."""
