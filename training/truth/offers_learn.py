"""The time of learning before a simulated shop's offers are judged: an earlier cohort in which offers were made at random.

Half of those to whom something could be offered were offered something, drawn evenly; what came of it teaches the product's own uplift
pipeline (`training.pipelines.uplift.learn`: outcome an upgrade or add-on within four weeks, on what the shop sees of a customer) and counts
how each target fared. The chance of leaving comes from a logistic regression on the same cohort's weeks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from models.offers.context import Learned
from models.tabular.table import FeatureTable
from models.uplift.contract import UpliftError, experiment
from training.pipelines.uplift import learn
from training.simulate.offers import (
    BOOST,
    BOX,
    DELIVERIES,
    EARLY,
    PERIOD_WEEKS,
    PLANS,
    TASTINGS,
    draw_luck,
    draw_people,
)
from training.simulate.offers_life import NEVER, Life, Offered
from training.truth.offers_sellers import Knowledge

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.uplift.model import UpliftModel
    from training.simulate.offers import OfferWorld
    from training.simulate.offers_life import Answer, Lived, Seen

    Floats = NDArray[np.float64]

COLUMNS: Final = ("plan", "ratio", "denials", "visits", "tenure", "tickets", "paid", "looked")
FEWEST: Final = 60
CHURN_DAYS: Final = 7 * PERIOD_WEEKS


def columns_of(seen: Seen) -> list[float]:
    """What is seen of a customer, as the columns that models learn from."""
    denied = sum(times for feature, times in seen.denials.items() if feature != DELIVERIES)
    return [
        float(seen.plan),
        seen.ratio,
        float(denied),
        float(seen.visits_4w),
        float(seen.joined_weeks),
        float(seen.tickets),
        seen.paid_minor / 1000,
        float(seen.looked_at_prices),
    ]


@dataclass(slots=True)
class _AtRandom:
    """Offers something drawn evenly to whoever shows a need, and remembers how they looked at the first time."""

    rng: np.random.Generator
    first: dict[int, list[float]] = field(default_factory=dict)
    weeks: list[list[float]] = field(default_factory=list)
    who: list[tuple[int, int]] = field(default_factory=list)
    tried: dict[str, tuple[int, int]] = field(default_factory=dict)

    def opens(self, coming: list[Seen]) -> None:
        """Everybody's weeks teach who leaves."""
        self.weeks += [columns_of(seen) for seen in coming]
        self.who += [(seen.customer, seen.week) for seen in coming]

    def offer(self, seen: Seen) -> Offered | None:
        """One of what would meet a need that shows; an even draw where several would."""
        needs = _needs(seen)
        if not needs:
            return None
        self.first.setdefault(seen.customer, columns_of(seen))
        return needs[int(self.rng.integers(len(needs)))]

    def answered(self, seen: Seen, offered: Offered, answer: Answer) -> None:
        """Counts what was shown and taken."""
        if seen.held_out:
            return
        key = f"{offered.rule}:{offered.target}"
        shown, taken = self.tried.get(key, (0, 0))
        self.tried[key] = (shown + 1, taken + answer.accepted)


def _needs(seen: Seen) -> list[Offered]:
    """What could be offered, under the names of the product's rules."""
    found: list[Offered] = []
    higher = PLANS[seen.plan + 1 :]
    if seen.ratio >= 0.8:  # the product's first threshold
        found += [Offered(target, "limit_near") for target in (*higher, BOOST) if target not in seen.addons]
    if EARLY in seen.denials:
        found += [Offered(target, "feature_denied") for target in higher]
    if TASTINGS in seen.denials:
        found.append(Offered(BOX, "feature_denied"))
    return found


def teach(world: OfferWorld, rng: np.random.Generator) -> Knowledge:
    """What the product knows after a cohort of the same shop lived through offers at random, half of it held out."""
    people = draw_people(world, rng)
    luck = draw_luck(world, people, rng)
    held_out = rng.random(len(people)) < 0.5
    seller = _AtRandom(rng)
    lived = Life(world, people, luck, held_out).run(seller)
    model = _uplift(world, seller, lived, held_out, rng)
    leaves = _leaving(seller, lived.left_week)

    def score(coming: list[Seen]) -> list[Learned]:
        if not coming:
            return []
        rows = np.array([columns_of(seen) for seen in coming])
        risks = leaves(rows)
        if model is None:
            return [Learned(churn_risk=float(risk), churn_days=CHURN_DAYS) for risk in risks]
        found = model.uplift(_table(rows))
        return [
            Learned(
                uplift=float(uplift),
                uplift_fresh=True,
                churn_risk=float(risk),
                churn_days=CHURN_DAYS,
            )
            for uplift, risk in zip(found.tolist(), risks.tolist(), strict=True)
        ]

    return Knowledge(score=score, tried=seller.tried)


def _uplift(
    world: OfferWorld, seller: _AtRandom, lived: Lived, held_out: NDArray[np.bool_], rng: np.random.Generator
) -> UpliftModel | None:
    """The product's uplift model of the first offers whose four weeks are over; None where they are too few."""
    exposed_week = lived.exposed_week
    over = [who for who in seller.first if exposed_week[who] + PERIOD_WEEKS <= world.weeks]
    came = {who for who, week in lived.bought if exposed_week[who] <= week < exposed_week[who] + PERIOD_WEEKS}
    try:
        data = experiment(
            [seller.first[who] for who in over],
            [not held_out[who] for who in over],
            [float(who in came) for who in over],
        )
    except UpliftError:
        return None
    if len(data) < FEWEST:
        return None
    return learn(data, COLUMNS, rng).model


def _leaving(seller: _AtRandom, left_week: NDArray[np.int64]) -> Callable[[Floats], Floats]:
    """The chance to leave within four weeks, by logistic regression on the cohort's weeks; the share where nobody or all left."""
    rows = np.array(seller.weeks)
    gone = np.array([left_week[who] != NEVER and left_week[who] <= week + PERIOD_WEEKS for who, week in seller.who])
    if gone.all() or not gone.any():
        return lambda wanted: np.full(len(wanted), float(gone.mean()))
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (half a second)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415 (half a second)
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415 (half a second)

    fitted = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, gone)
    return lambda wanted: np.asarray(fitted.predict_proba(wanted)[:, 1])


def _table(rows: Floats) -> FeatureTable:
    return FeatureTable(COLUMNS, rows)
