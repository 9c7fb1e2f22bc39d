"""What the product's own jobs recover of a simulated shop's truth: who its members are, who will leave, whom an offer moves.

Each seed is another shop. Jobs see what the shop would know at its end and nothing else; only this file compares with the truth. Errors
are stated beside what nobody could beat: segments beside a classifier that was told the true ones, the policy beside the one that knows
every uplift.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import rankdata
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import cross_val_predict

from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import Database
from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.catalog import CLUSTERS, PROPENSITY
from features.scores.store import ScoreStore
from features.segments.store import SegmentStore
from features.sources import instant_of
from models.metrics.classification import ece10
from models.metrics.interval import Interval
from models.registry.memory import MemoryRegistry
from models.uplift.contract import experiment
from models.uplift.policy import Terms, choose, choose_all_or_none
from training.context import JobContext
from training.history import features_at
from training.pipelines import churn, segments
from training.pipelines.churn import CONTRACT_HORIZON_DAYS
from training.pipelines.uplift import features_then, learn
from training.simulate.history import history_of
from training.simulate.population import ARCHETYPES
from training.simulate.shop import simulate
from training.simulate.spec import DAY_US, MONTH_US, PLANS, ShopSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from training.history import History
    from training.simulate.shop import SimulatedShop

    Floats = NDArray[np.float64]

TERMS = Terms(margin=1000, cost=30)
"""An upgrade is worth ten in the shop's currency, an offer costs thirty hundredths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """One seed. Rates are chances within thirty days; `rand` is the adjusted Rand index."""

    seed: int
    customers: int
    segment_rand: float
    segment_rand_ceiling: float
    segments: int
    hazard_slope: float
    hazard_calibration_error: float
    hazard_segment_error: float
    hazard_rank_correlation: float
    offers: int
    uplift_usable: bool
    uplift_correlation: float
    uplift_rmse: float
    uplift_rmse_constant: float
    policy_share: float
    all_or_none_share: float
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TruthReport:
    """All seeds, and for each figure the mean over seeds with its 95 % interval (Student's t)."""

    rows: list[Recovered]
    means: dict[str, Interval]
    terms: Terms
    customers: int
    days: int

    def to_document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def bench_truth(
    *,
    seeds: int = 10,
    customers: int = 6000,
    days: int = 365,
    terms: Terms = TERMS,
    tell: Callable[[str], None] = lambda _words: None,
) -> TruthReport:
    """Recover the truth of shops of seeds 0 to `seeds` - 1."""
    rows = []
    for seed in range(seeds):
        tell(f"seed {seed + 1} of {seeds}")
        spec = ShopSpec(customers=customers, days=days, seed=seed)
        rows.append(recover(spec, partial(_tell_seed, tell, seed), terms))
    return TruthReport(rows=rows, means=_means(rows), terms=terms, customers=customers, days=days)


def _tell_seed(tell: Callable[[str], None], seed: int, words: str) -> None:
    tell(f"seed {seed}: {words}")


def recover(spec: ShopSpec, tell: Callable[[str], None] = lambda _words: None, terms: Terms = TERMS) -> Recovered:
    """Run the jobs over one shop and compare what they found with what is so."""
    began = time.perf_counter()
    tell("simulating")
    shop = simulate(spec)
    with TemporaryDirectory() as folder:
        context, ids = _opened(shop, Path(folder), tell)
        try:
            segment_part = _segments(context, shop, ids)
            hazard_part = _hazard(context, shop, ids)
        finally:
            context.database.close()
    tell("learning uplift from the shop's past offers")
    uplift_part = _uplift(context, shop, ids, terms)
    return Recovered(
        seed=spec.seed,
        customers=spec.customers,
        **segment_part,
        **hazard_part,
        **uplift_part,
        seconds=time.perf_counter() - began,
    )


def _opened(shop: SimulatedShop, folder: Path, tell: Callable[[str], None]) -> tuple[JobContext, tuple[str, ...]]:
    """A database that holds the tenant and its customers, for the jobs to write to; they read the history from memory."""
    url = f"sqlite:///{folder}/truth.db"
    upgrade(url)
    database = Database(url)
    now = instant_of(shop.spec.end_us)
    start = shop.spec.start
    opened = open_tenant(
        database, name="Truth", currency=shop.spec.currency, zone="UTC", mode=Mode.TEST, now=start, frozen_at=now
    )
    scope = Scope(opened.tenant.id)
    with database.unit(scope) as unit:
        by_key = CustomerStore(unit).ensure(shop.customers.key, start)
    ids = tuple(by_key[key] for key in shop.customers.key)
    context = JobContext(
        database=database,
        scope=scope,
        registry=MemoryRegistry(),
        history=history_of(shop, ids),
        now=now,
        seed=shop.spec.seed,
        tell=tell,
    )
    return context, ids


def _segments(context: JobContext, shop: SimulatedShop, ids: tuple[str, ...]) -> dict[str, Any]:
    segments.run(context)
    with context.database.view(context.scope) as unit:
        members = SegmentStore(unit).members()
    place = {customer: number for number, customer in enumerate(ids)}
    known = [customer for customer in members if customer in place]
    truth = shop.truth.archetype[[place[customer] for customer in known]]
    table = features_at(context.history, CLUSTERS, np.asarray(known, dtype=np.str_), context.history.until_us)
    told = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    ceiling = cross_val_predict(told, np.nan_to_num(table.values), truth, cv=3)
    return {
        "segment_rand": float(adjusted_rand_score(truth, [members[customer] for customer in known])),
        "segment_rand_ceiling": float(adjusted_rand_score(truth, ceiling)),
        "segments": len(set(members.values())),
    }


def _hazard(context: JobContext, shop: SimulatedShop, ids: tuple[str, ...]) -> dict[str, Any]:
    """The chance to leave within thirty days of those who are there: promised, true, and what then came."""
    churn.run(context)
    with context.database.view(context.scope) as unit:
        scores = {key: score.value for key, score in ScoreStore(unit).of_task(churn.TASK).items()}
    there = np.flatnonzero((shop.truth.leaves_us >= shop.spec.end_us) & (shop.truth.joined_us < shop.spec.end_us))
    there = np.array([place for place in there.tolist() if ids[place] in scores], dtype=np.int64)
    if there.size == 0:
        return dict.fromkeys(
            ("hazard_slope", "hazard_calibration_error", "hazard_segment_error", "hazard_rank_correlation"),
            np.nan,
        )
    promised = np.array([scores[ids[place]] for place in there.tolist()])
    true = -np.expm1(-shop.truth.monthly_hazard[there] * CONTRACT_HORIZON_DAYS * DAY_US / MONTH_US)
    came = shop.truth.leaves_us[there] < shop.spec.end_us + CONTRACT_HORIZON_DAYS * DAY_US
    kind = shop.truth.archetype[there]
    errors = [
        abs(promised[kind == k].mean() - true[kind == k].mean()) for k in range(len(ARCHETYPES)) if (kind == k).any()
    ]
    return {
        "hazard_slope": _calibration_slope(promised, came),
        "hazard_calibration_error": ece10(came, promised),
        "hazard_segment_error": float(np.mean(errors)),
        "hazard_rank_correlation": _correlation(rankdata(promised), rankdata(true)),
    }


def _uplift(context: JobContext, shop: SimulatedShop, ids: tuple[str, ...], terms: Terms) -> dict[str, Any]:
    """Learn from the offers of the past; decide for the members below the top plan at the end; count by the true uplift."""
    history, offers = context.history, shop.offers
    features = features_then(history, [ids[place] for place in offers.customer.tolist()], offers.at_us.tolist())
    data = experiment(features, offers.treated, offers.upgraded_within_30d.astype(np.float64))
    learned = learn(data, PROPENSITY, context.rng("uplift"))
    table, places = _below_top(history, shop, ids)
    true = shop.truth.uplift[places]
    if learned.model is None:
        told, chosen = np.full(true.size, data.effect), np.zeros(true.size, dtype=np.bool_)
    else:
        told = learned.model.uplift(table)
        chosen = choose(told, terms)
    gain = true * terms.margin - terms.cost
    best = max(float(np.maximum(gain, 0).sum()), 1e-9)
    plain = choose_all_or_none(data.effect, true.size, terms)
    return {
        "offers": len(data),
        "uplift_usable": bool(learned.model and learned.model.is_usable),
        "uplift_correlation": _correlation(told, true),
        "uplift_rmse": float(np.sqrt(((told - true) ** 2).mean())),
        "uplift_rmse_constant": float(true.std()),
        "policy_share": float(gain[chosen].sum()) / best,
        "all_or_none_share": float(gain[plain].sum()) / best,
    }


def _below_top(history: History, shop: SimulatedShop, ids: tuple[str, ...]) -> tuple[Any, NDArray[np.int64]]:
    there = np.flatnonzero((shop.truth.leaves_us >= shop.spec.end_us) & (shop.truth.joined_us < shop.spec.end_us))
    everybody = np.asarray([ids[place] for place in there.tolist()], dtype=np.str_)
    table = features_at(history, PROPENSITY, everybody, history.until_us)
    rank = table.values[:, list(table.columns).index("plan_rank")]
    below = np.flatnonzero(rank < len(PLANS) - 1)
    return table.take(below), there[below]


def _calibration_slope(promised: Floats, came: NDArray[np.bool_]) -> float:
    """The slope of a logistic regression of what came on the log-odds that were promised: 1 where odds mean what they say."""
    odds = np.log(np.clip(promised, 1e-6, 1 - 1e-6)) - np.log1p(-np.clip(promised, 1e-6, 1 - 1e-6))
    design, slopes = np.column_stack([np.ones(odds.size), odds]), np.array([0.0, 1.0])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-np.clip(design @ slopes, -30, 30)))
        curve = np.maximum(chance * (1 - chance), 1e-9)
        step = np.linalg.pinv((design * curve[:, np.newaxis]).T @ design) @ (design.T @ (came - chance))
        slopes = slopes + np.clip(step, -2, 2)
        if np.abs(step).max() < 1e-8:
            break
    return float(slopes[1])


def _correlation(left: Floats, right: Floats) -> float:
    return float(np.corrcoef(left, right)[0, 1]) if left.size > 1 and left.std() > 0 and right.std() > 0 else 0.0


def _means(rows: list[Recovered]) -> dict[str, Interval]:
    quantile = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 7: 2.36, 8: 2.31, 9: 2.26}
    found = {}
    for name in Recovered.__slots__:
        values = np.array([float(getattr(row, name)) for row in rows])
        mean = float(values.mean())
        error = float(values.std(ddof=1) / np.sqrt(values.size)) if values.size > 1 else 0.0
        wide = quantile.get(values.size - 1, 2.0) * error
        found[name] = Interval(mean=mean, low=mean - wide, high=mean + wide)
    return found
