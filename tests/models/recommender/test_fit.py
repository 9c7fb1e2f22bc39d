"""From interactions to a snapshot with its evidence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.recommender.baselines import Entry, fit_popular_recent
from models.recommender.fit import FitConfig, NothingToFitError, fit_recommender
from models.recommender.own_frequency import fit_own_frequency
from models.recommender.popular import fit_popular
from tests.models.recommender.simulated_shop import SHOP_END_US, simulated_shop

CONFIG = FitConfig(
    horizon_days=20, k=5, baselines=(Entry(fit_popular), Entry(fit_popular_recent), Entry(fit_own_frequency))
)


def test_a_shop_with_tastes_is_served_better_than_by_popularity() -> None:
    """The known answer: tastes exist, so the champion leads every baseline with certainty, and the snapshot has its colour."""
    shop = simulated_shop()
    told: list[str] = []
    snapshot, report = fit_recommender(
        shop, as_of_us=SHOP_END_US, rng=np.random.default_rng(0), config=CONFIG, progress=told.append
    )
    history = [(item, SHOP_END_US) for item in ("i0", "i4", "i8")]
    found = snapshot.recommend(history, now_us=SHOP_END_US, k=5, blocked={"i0", "i4", "i8"})

    assert report.lead is not None
    assert report.lead.above_zero
    assert report.value is not None
    assert all(report.value.mean > baseline.mean for baseline in report.baselines.values())
    assert sum(int(item.item[1:]) % 4 == 0 for item in found.items) >= 4
    assert json.dumps(report.to_document())
    assert told


def test_the_report_is_the_same_for_the_same_seed() -> None:
    """The generator is the only randomness; time to fit is the only thing that differs."""
    shop = simulated_shop(80)
    reports = [
        fit_recommender(shop, as_of_us=SHOP_END_US, rng=np.random.default_rng(3), config=CONFIG)[1] for _ in range(2)
    ]

    assert reports[0].lead == reports[1].lead
    assert reports[0].value == reports[1].value


def test_one_purchase_is_enough_to_serve_but_not_to_judge() -> None:
    """A shop's first day: a snapshot that answers, and a report without a lead."""
    shop = simulated_shop(1).before(SHOP_END_US)
    first = shop.before(int(shop.at_us[0]) + 1)
    snapshot, report = fit_recommender(
        first, as_of_us=int(first.at_us[0]) + 1, rng=np.random.default_rng(0), config=CONFIG
    )

    assert snapshot.recommend([], now_us=SHOP_END_US, k=1, blocked=()).items
    assert report.lead is None
    assert "defaults" in report.how


def test_nothing_is_an_error_with_a_sentence() -> None:
    """No interaction before the moment cannot be fitted."""
    with pytest.raises(NothingToFitError):
        fit_recommender(simulated_shop(3), as_of_us=-1, rng=np.random.default_rng(0))
