"""From interactions to what serving loads, with the evidence a promotion gate asks for.

The last horizon before the moment is held out; settings are chosen on what lies before it, ranker, blend and baselines are fitted there and
compared on it, and only then is the better one fitted again on everything. The ranker answers where it surely loses nothing to the blend
and gains; the blend stays beside it as control, and for what the ranker leaves open. Without enough past to hold out, the report says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError
from models.recommender.baselines import BASELINES, Entry
from models.recommender.blend import BlendConfig, FittedBlend, fit_blend
from models.recommender.compare import TaskTable, compare
from models.recommender.interactions import DAY_US, Floats, Interactions, Longs, Texts
from models.recommender.popular import customers_per_item
from models.recommender.ranker.fit import FittedRanker, RankerConfig, RankerFit
from models.recommender.ranker.serve import ServedRanker
from models.recommender.snapshot import RecommenderSnapshot, Settings
from models.recommender.tune import tune_blend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.metrics.interval import Interval
    from models.recommender.compare import ModelRow

    Progress = Callable[[str], None]


class NothingToFitError(InvalidError):
    """There is no interaction before the moment."""

    code = "nothing_to_fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How far ahead to judge, how long a list, and what trending means; without `ranker` the blend is all there is."""

    horizon_days: float = 30.0
    k: int = 20
    trending_days: float = 30.0
    segment_days: float = 90.0
    baselines: tuple[Entry, ...] = field(default=BASELINES, repr=False)
    ranker: RankerConfig | None = field(default_factory=RankerConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """What the gate reads: tables of both tasks, which model answers and why, the blend's settings, and how they were chosen."""

    new: TaskTable | None
    any: TaskTable | None
    config: BlendConfig
    how: str
    champion: str
    why: str
    rows: int
    customers: int
    items: int

    @property
    def metric(self) -> str:
        """The name of the metric that decides."""
        return "recall of new items"

    @property
    def _row(self) -> ModelRow | None:
        return self.new.row(self.champion) if self.new else None

    @property
    def value(self) -> Interval | None:
        """The champion's value on the held-out horizon, with its interval."""
        return self._row.recall if self._row else None

    @property
    def baselines(self) -> dict[str, Interval]:
        """Each baseline's value on the same customers."""
        return {row.name: row.recall for row in self.new.rows if row.is_baseline} if self.new else {}

    @property
    def leads(self) -> Mapping[str, Interval]:
        """The paired lead over each baseline."""
        return {name: lead for name, lead in self._row.leads.items() if name in self.baselines} if self._row else {}

    @property
    def lead(self) -> Interval | None:
        """The paired lead over the best baseline; promote only when its lower bound is above zero."""
        return self._row.lead if self._row else None

    def to_document(self) -> dict[str, Any]:
        """The whole report as plain values for a model card."""
        return asdict(self)


def fit_recommender(
    interactions: Interactions,
    *,
    as_of_us: int,
    rng: np.random.Generator,
    segments: Mapping[str, str] | None = None,
    item_first_seen: Mapping[str, int] | None = None,
    item_names: Mapping[str, str] | None = None,
    config: FitConfig | None = None,
    progress: Progress | None = None,
) -> tuple[RecommenderSnapshot, FitReport]:
    """The snapshot of everything before the moment, and the report of the held-out horizon.

    `segments` names a customer's segment; `item_first_seen` (microseconds) may name items nobody has taken yet, which the last level of
    the fallback chain then offers; `item_names` is what people call items, whose words relate them.
    """
    chosen = config or FitConfig()
    past = interactions.before(as_of_us).compact()
    if not len(past):
        raise NothingToFitError("there are no interactions before the moment", as_of_us=as_of_us)
    judged = _judge(past, as_of_us, chosen, rng, names=item_names or {}, progress=progress)
    if progress:
        progress(f"fitting the {judged.champion} on everything")
    fitted = fit_blend(past, as_of_us, config=judged.config)
    ranker = judged.ranker_at(as_of_us)
    snapshot = build_snapshot(
        fitted,
        past,
        as_of_us=as_of_us,
        segments=segments or {},
        item_first_seen=item_first_seen or {},
        config=chosen,
        ranker=ranker,
    )
    report = FitReport(
        new=judged.tables[0] if judged.tables else None,
        any=judged.tables[1] if judged.tables else None,
        config=judged.config,
        how=judged.how,
        champion=judged.champion,
        why=judged.why,
        rows=len(past),
        customers=int(past.customers.size),
        items=int(past.items.size),
    )
    return snapshot, report


def build_snapshot(
    fitted: FittedBlend,
    past: Interactions,
    *,
    as_of_us: int,
    segments: Mapping[str, str],
    item_first_seen: Mapping[str, int],
    config: FitConfig,
    ranker: FittedRanker | None = None,
) -> RecommenderSnapshot:
    """What serving needs of fitted models; items that nobody has taken come last, with nothing but their newness."""
    unseen = np.array(sorted(set(item_first_seen) - set(past.items.tolist())), dtype=np.str_)
    extra = unseen.size
    names, scores = _segment_scores(past, as_of_us, segments, config.segment_days)
    weights = fitted.weights
    return RecommenderSnapshot(
        items=np.concatenate([past.items, unseen]) if extra else past.items,
        neighbours=np.pad(weights.neighbours, ((0, extra), (0, 0))),
        weights=np.pad(weights.weights, ((0, extra), (0, 0))).astype(np.float32),
        lift=np.pad(fitted.lift, (0, extra), constant_values=1.0),
        popular=np.pad(fitted.popular, (0, extra)),
        trending=np.pad(customers_per_item(past, as_of_us, config.trending_days), (0, extra)),
        newness=_first_seen(past, unseen, item_first_seen),
        segments=names,
        segment_scores=np.pad(scores, ((0, 0), (0, extra))).astype(np.float32),
        settings=Settings(
            as_of_us=as_of_us,
            method=fitted.name,
            half_life_days=fitted.config.ease.half_life_days,
            repeat_half_life_days=fitted.config.repeat_half_life_days,
            scale=fitted.scale,
            popularity_weight=fitted.config.popularity_weight,
            repeat_weight=fitted.config.repeat_weight,
        ),
        ranker=None if ranker is None else ServedRanker.of(ranker),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """What the held-out horizon said."""

    config: BlendConfig
    how: str
    champion: str
    why: str
    tables: tuple[TaskTable, TaskTable] | None = None
    ranking: RankerFit | None = None
    ranker: FittedRanker | None = None
    cut_us: int = 0

    def ranker_at(self, as_of_us: int) -> FittedRanker | None:
        """The ranker on everything, its chances from the held-out horizon; None where the blend answers."""
        if self.ranking is None or self.ranker is None or self.champion != self.ranker.name:
            return None
        return self.ranking.serving(self.ranker, self.cut_us, as_of_us)


def _judge(
    past: Interactions,
    as_of_us: int,
    config: FitConfig,
    rng: np.random.Generator,
    *,
    names: Mapping[str, str],
    progress: Progress | None,
) -> _Judged:
    """The settings, how they came about, and the comparison on the last horizon where one can be held out."""
    span_days = (as_of_us - int(past.at_us[0])) / DAY_US
    horizon_days = min(config.horizon_days, span_days / 4)
    cut_us = as_of_us - int(horizon_days * DAY_US)
    train = past.before(cut_us).compact()
    if not len(train):
        how = "defaults: nothing lies before the last horizon, so nothing could be judged"
        return _Judged(config=BlendConfig(), how=how, champion="blend", why="nothing could be judged yet")
    tuned = tune_blend(train, cut_us, horizon_days=horizon_days, k=config.k, progress=progress)
    blend = fit_blend(train, cut_us, config=tuned.config)
    ranking, ranker = None, None
    if config.ranker is not None:
        ranking = RankerFit(
            past, names=names, config=replace(config.ranker, horizon_days=horizon_days), progress=progress
        )
        ranker = ranking.fitted(cut_us)
    ours = (blend,) if ranker is None else (ranker, blend)
    entries = (*config.baselines, *(Entry(lambda *_, one=one: one, is_baseline=False) for one in ours))
    held_out = past.between(cut_us, as_of_us)
    tables = compare(entries, train, held_out, as_of_us=cut_us, k=config.k, rng=rng, progress=progress)
    champion, why = choose_champion(tables, ranker.name if ranker else None, blend.name)
    return _Judged(
        config=tuned.config,
        how=tuned.how,
        champion=champion,
        why=why,
        tables=tables,
        ranking=ranking,
        ranker=ranker,
        cut_us=cut_us,
    )


_SURE_LOSS = -0.005  # recall: a loss on either task that may be larger than this keeps the blend


def choose_champion(tables: tuple[TaskTable, TaskTable], ranker: str | None, blend: str) -> tuple[str, str]:
    """Ranker or blend, and why: the ranker gains on new items or on any, and surely loses nothing to speak of on either."""
    if ranker is None:
        return blend, "the blend answers: there are too few examples for a ranker yet"
    rows = [table.row(ranker) for table in tables]
    leads = [row.leads[blend] for row in rows if row is not None]
    if not leads:
        return blend, "the blend answers: nobody came back in the held-out horizon, so the ranker could not be judged"
    told = ", ".join(
        f"{table.task} {row.leads[blend].mean:+.4f}" for table, row in zip(tables, rows, strict=True) if row
    )
    if any(lead.low < _SURE_LOSS for lead in leads) or max(lead.mean for lead in leads) <= 0:
        return blend, f"the blend answers: the ranker's lead over it in recall is not safe ({told})"
    return ranker, f"the ranker answers: its lead over the blend in recall is {told}"


def _segment_scores(
    past: Interactions, as_of_us: int, segments: Mapping[str, str], days: float
) -> tuple[tuple[str, ...], Floats]:
    """Shape (segments, items): how many of a segment's customers took the item within `days`."""
    names = tuple(sorted(set(segments.values())))
    if not names:
        return (), np.zeros((0, past.items.size))
    place = {name: number for number, name in enumerate(names)}
    of_customer = np.array([place.get(segments.get(name, ""), -1) for name in past.customers.tolist()], dtype=np.int64)
    counts = [customers_per_item(past.row_mask(of_customer == number), as_of_us, days) for number in range(len(names))]
    return names, np.stack(counts)


def _first_seen(past: Interactions, unseen: Texts, given: Mapping[str, int]) -> Longs:
    first = np.full(past.items.size, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, past.col, past.at_us)
    known = [given.get(item, int(at_us)) for item, at_us in zip(past.items.tolist(), first.tolist(), strict=True)]
    return np.array(known + [given[item] for item in unseen.tolist()], dtype=np.int64)
