"""From interactions to what serving loads, with the evidence a promotion gate asks for.

The last horizon before the moment is held out; settings are chosen on what lies before it, the champion and the baselines are fitted
there and compared on it, and only then is the champion fitted again on everything. Without enough past to hold out, the report says so.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import InvalidError
from models.recommender.baselines import BASELINES, Entry
from models.recommender.blend import BlendConfig, FittedBlend, fit_blend
from models.recommender.compare import TaskTable, compare
from models.recommender.interactions import DAY_US, Floats, Interactions, Longs, Texts
from models.recommender.popular import customers_per_item
from models.recommender.snapshot import RecommenderSnapshot, Settings
from models.recommender.tune import tune_blend

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.metrics.interval import Interval

    Progress = Callable[[str], None]


class NothingToFitError(InvalidError):
    """There is no interaction before the moment."""

    code = "nothing_to_fit"


@dataclass(frozen=True, slots=True, kw_only=True)
class FitConfig:
    """How far ahead to judge, how long a list, and what trending means."""

    horizon_days: float = 30.0
    k: int = 20
    trending_days: float = 30.0
    segment_days: float = 90.0
    baselines: tuple[Entry, ...] = field(default=BASELINES, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FitReport:
    """What the gate reads: tables of both tasks, the chosen settings, and how they were chosen."""

    new: TaskTable | None
    any: TaskTable | None
    config: BlendConfig
    how: str
    rows: int
    customers: int
    items: int

    @property
    def metric(self) -> str:
        """The name of the metric that decides."""
        return "recall of new items"

    @property
    def value(self) -> Interval | None:
        """The champion's value on the held-out horizon, with its interval."""
        champion = self.new.champion if self.new else None
        return champion.recall if champion else None

    @property
    def baselines(self) -> dict[str, Interval]:
        """Each baseline's value on the same customers."""
        return {row.name: row.recall for row in self.new.rows if row.is_baseline} if self.new else {}

    @property
    def leads(self) -> Mapping[str, Interval]:
        """The paired lead over each baseline."""
        champion = self.new.champion if self.new else None
        return champion.leads if champion else {}

    @property
    def lead(self) -> Interval | None:
        """The paired lead over the best baseline; promote only when its lower bound is above zero."""
        champion = self.new.champion if self.new else None
        return champion.lead if champion else None

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
    config: FitConfig | None = None,
    progress: Progress | None = None,
) -> tuple[RecommenderSnapshot, FitReport]:
    """The snapshot of everything before the moment, and the report of the held-out horizon.

    `segments` names a customer's segment; `item_first_seen` (microseconds) may name items nobody has taken yet, which the last level of
    the fallback chain then offers.
    """
    chosen = config or FitConfig()
    past = interactions.before(as_of_us).compact()
    if not len(past):
        raise NothingToFitError("there are no interactions before the moment", as_of_us=as_of_us)
    blend_config, how, tables = _judge(past, as_of_us, chosen, rng, progress)
    if progress:
        progress("fitting the champion on everything")
    fitted = fit_blend(past, as_of_us, config=blend_config)
    snapshot = build_snapshot(
        fitted, past, as_of_us=as_of_us, segments=segments or {}, item_first_seen=item_first_seen or {}, config=chosen
    )
    report = FitReport(
        new=tables[0] if tables else None,
        any=tables[1] if tables else None,
        config=blend_config,
        how=how,
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
) -> RecommenderSnapshot:
    """What serving needs of a fitted champion; items that nobody has taken come last, with nothing but their newness."""
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
    )


def _judge(
    past: Interactions, as_of_us: int, config: FitConfig, rng: np.random.Generator, progress: Progress | None
) -> tuple[BlendConfig, str, tuple[TaskTable, TaskTable] | None]:
    """The settings, how they came about, and the comparison on the last horizon where one can be held out."""
    span_days = (as_of_us - int(past.at_us[0])) / DAY_US
    horizon_days = min(config.horizon_days, span_days / 4)
    cut_us = as_of_us - int(horizon_days * DAY_US)
    train = past.before(cut_us).compact()
    if not len(train):
        return BlendConfig(), "defaults: nothing lies before the last horizon, so nothing could be judged", None
    tuned = tune_blend(train, cut_us, horizon_days=horizon_days, k=config.k, progress=progress)

    def fit_champion(interactions: Interactions, moment_us: int) -> FittedBlend:
        return fit_blend(interactions, moment_us, config=tuned.config)

    entries = (*config.baselines, Entry(fit_champion, is_baseline=False))
    held_out = past.between(cut_us, as_of_us)
    tables = compare(entries, train, held_out, as_of_us=cut_us, k=config.k, rng=rng, progress=progress)
    return tuned.config, tuned.how, tables


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
