"""The benchmark of offers: the decision pipeline beside the one rule that everybody starts with, each judged by the product's own report.

One seed is one shop. First a cohort lives through offers at random and teaches; then other customers of the same shop live three times,
with the same luck: with no offers, with the rule, and with the pipeline. Customers, holdout and luck are the same, so that the truth is
known: what those who were offered something brought, less what the very same brought without. The report sees what a shop sees: the books,
and who was first exposed when. It is `models.success.incremental.estimate`, the function that the product's pages show.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from billing.kernel.errors import NotFoundError
from models.experiments.inference.sums import Pairs
from models.metrics.interval import Interval
from models.success.incremental import Incremental, estimate
from training.simulate.offers import PERIOD_WEEKS, WORLDS, draw_luck, draw_people
from training.simulate.offers_life import NEVER, VISIT_HOUR_SHARE, Life, Nobody
from training.truth.offers_learn import teach
from training.truth.offers_sellers import LimitReached, Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from training.simulate.offers import OfferWorld
    from training.simulate.offers_life import Books, Lived, Seller

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

PAST_WEEKS: Final = 2 * PERIOD_WEEKS
SMALL_HOLDOUT: Final = 0.05
SMALL_HOLDOUT_CUSTOMERS: Final = 3000
_DRAWS: Final = 2000


class UnknownWorldError(NotFoundError):
    """No kind of shop has this name."""

    code = "unknown_world"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One way of selling in one shop, in minor units: the truth, and what the report said, None where it was too early."""

    true_revenue: float
    true_margin: float
    revenue: Incremental | None
    margin: Incremental | None
    offered: int
    held_out: int
    shown: int
    accepted: int
    left: int

    @property
    def covers(self) -> bool | None:
        """Whether the interval of the total revenue holds the truth."""
        return None if self.revenue is None else self.revenue.total_low <= self.true_revenue <= self.revenue.total_high


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """Both ways of selling in the same shop."""

    seed: int
    rule: Judged
    pipeline: Judged


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldReport:
    """One kind of shop over all seeds; shares are of the seeds in which the report said something."""

    world: str
    customers: int
    weeks: int
    holdout: float
    seeds: tuple[Seed, ...]
    reported_ratio: Interval
    true_ratio: Interval
    margin_ratio: Interval

    def covered(self) -> tuple[int, int]:
        """(intervals that held the truth, intervals that were given), of the pipeline."""
        given = [seed.pipeline.covers for seed in self.seeds if seed.pipeline.covers is not None]
        return sum(given), len(given)

    def covered_rule(self) -> tuple[int, int]:
        """The same of the rule."""
        given = [seed.rule.covers for seed in self.seeds if seed.rule.covers is not None]
        return sum(given), len(given)


def bench_offers(
    *,
    seeds: int,
    first_seed: int = 0,
    worlds: Sequence[OfferWorld] = WORLDS,
    workers: int = 1,
    tell: Callable[[str], None] = lambda _said: None,
) -> list[WorldReport]:
    """Every world over the seeds; the usual one once more with one customer in twenty held out, as shops will."""
    small = [replace(world, holdout=SMALL_HOLDOUT, customers=SMALL_HOLDOUT_CUSTOMERS) for world in worlds[:1]]
    wanted = [*worlds, *(small if worlds[:1] == WORLDS[:1] else [])]
    return [bench_world(world, range(first_seed, first_seed + seeds), workers=workers, tell=tell) for world in wanted]


def worlds_named(names: Sequence[str]) -> tuple[OfferWorld, ...]:
    """The worlds of these names, all for none; raises UnknownWorldError."""
    known = {world.name: world for world in WORLDS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UnknownWorldError(f"there is no kind of shop {unknown[0][:60]!r}", known=list(known))
    return tuple(known[name] for name in names) or WORLDS


def bench_world(
    world: OfferWorld, seeds: Iterable[int], *, workers: int = 1, tell: Callable[[str], None] = lambda _said: None
) -> WorldReport:
    """One world over some seeds."""
    wanted = list(seeds)
    found: list[Seed] = []
    if workers > 1:
        with ProcessPoolExecutor(workers) as pool:
            for one in pool.map(run_seed, [world] * len(wanted), wanted):
                found.append(one)
                tell(f"{world.name}, {world.holdout:.0%} held out: seed {one.seed}")
    else:
        for seed in wanted:
            found.append(run_seed(world, seed))
            tell(f"{world.name}, {world.holdout:.0%} held out: seed {seed}")
    rng = np.random.default_rng(wanted[0] if wanted else 0)
    pairs = [(s.rule, s.pipeline) for s in found]
    said = [(a.revenue.total, b.revenue.total) for a, b in pairs if a.revenue is not None and b.revenue is not None]
    return WorldReport(
        world=world.name,
        customers=world.customers,
        weeks=world.weeks,
        holdout=world.holdout,
        seeds=tuple(found),
        reported_ratio=ratio_of_sums(said, rng),
        true_ratio=ratio_of_sums([(a.true_revenue, b.true_revenue) for a, b in pairs], rng),
        margin_ratio=ratio_of_sums([(a.true_margin, b.true_margin) for a, b in pairs], rng),
    )


def run_seed(world: OfferWorld, seed: int) -> Seed:
    """One shop: learn, then live without offers, by the rule and by the pipeline."""
    learning, living, luck_of, drawn = np.random.default_rng([seed, 20260105]).spawn(4)
    knowledge = teach(world, learning)
    people = draw_people(world, living)
    luck = draw_luck(world, people, luck_of)
    held_out = drawn.random(len(people)) < world.holdout

    def lived(seller: Seller) -> Lived:
        return Life(world, people, luck, held_out).run(seller)

    without = lived(Nobody())
    return Seed(
        seed=seed,
        rule=judge(lived(LimitReached()), without, held_out, world),
        pipeline=judge(lived(Pipeline(world, knowledge, seed=seed)), without, held_out, world),
    )


def judge(found: Lived, without: Lived, held_out: Flags, world: OfferWorld) -> Judged:
    """The truth, and the report's word on it."""
    exposed = found.exposed_week != NEVER
    offered, kept = exposed & ~held_out, exposed & held_out
    since = np.asarray(found.exposed_week + VISIT_HOUR_SHARE, dtype=np.float64)
    end = np.full(since.size, float(world.weeks))
    came = found.books.sums(since, end) - without.books.sums(since, end)
    margin = found.books.sums(since, end, margin=True) - without.books.sums(since, end, margin=True)
    running = timedelta(weeks=float(world.weeks - since[exposed].min())) if exposed.any() else timedelta(0)
    return Judged(
        true_revenue=float(came[offered].sum()),
        true_margin=float(margin[offered].sum()),
        revenue=_reported(found.books, (since, end), (offered, kept), running, margin=False),
        margin=_reported(found.books, (since, end), (offered, kept), running, margin=True),
        offered=int(offered.sum()),
        held_out=int(kept.sum()),
        shown=int(found.shown.sum()),
        accepted=int(found.accepted.sum()),
        left=int((found.left_week != NEVER).sum()),
    )


def _reported(
    books: Books, span: tuple[Floats, Floats], arms: tuple[Flags, Flags], running: timedelta, *, margin: bool
) -> Incremental | None:
    since, end = span
    y = books.sums(since, end, margin=margin)
    x = books.sums(since - PAST_WEEKS, since, margin=margin)
    offered, kept = (Pairs.of(y[arm].tolist(), x[arm].tolist()) for arm in arms)
    said = estimate(offered, kept, running=running)
    return said if isinstance(said, Incremental) else None


def ratio_of_sums(pairs: Sequence[tuple[float, float]], rng: np.random.Generator) -> Interval:
    """Sum of the second over sum of the first, with the interval of drawing seeds anew; NaN where nothing was said or earned.

    >>> ratio_of_sums([(1.0, 2.0)] * 9, np.random.default_rng(0))
    Interval(mean=2.0, low=2.0, high=2.0)
    """
    values = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    if not len(values) or values[:, 0].sum() <= 0:
        return Interval(mean=float("nan"), low=float("nan"), high=float("nan"))
    drawn = values[rng.integers(0, len(values), (_DRAWS, len(values)))].sum(axis=1)
    ratios = np.where(drawn[:, 0] > 0, drawn[:, 1] / np.where(drawn[:, 0] > 0, drawn[:, 0], 1), np.inf)
    low, high = np.quantile(ratios, [0.025, 0.975])
    return Interval(mean=float(values[:, 1].sum() / values[:, 0].sum()), low=float(low), high=float(high))
