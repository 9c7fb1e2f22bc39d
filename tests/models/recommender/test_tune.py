"""Settings are chosen on the past only, and little past keeps the defaults."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from models.recommender.blend import BlendConfig
from models.recommender.interactions import DAY_US, Interactions
from models.recommender.trend import TrendConfig, trend_lift
from models.recommender.tune import tune_blend
from tests.models.recommender.simulated_shop import SHOP_END_US, simulated_shop


def test_the_future_does_not_choose() -> None:
    """Deleting, or scrambling, all that lies at or after the moment leaves the choice as it was."""
    shop = simulated_shop(120)
    moment = 90 * DAY_US
    scrambled = replace(shop, col=np.where(shop.at_us >= moment, shop.col[::-1], shop.col))

    choices = [tune_blend(data, moment, horizon_days=15, k=5) for data in (shop, shop.before(moment), scrambled)]
    assert choices[0] == choices[1] == choices[2]
    assert choices[0].inner_recall is not None


def test_too_little_past_keeps_the_defaults_and_says_so() -> None:
    """Ten customers cannot choose."""
    tuned = tune_blend(simulated_shop(10), SHOP_END_US, horizon_days=15, k=5)

    assert tuned.config == BlendConfig()
    assert tuned.how.startswith("defaults")


def test_a_rising_item_is_lifted_and_a_fading_one_lowered() -> None:
    """Lift is above 1 for what sells faster than it used to, below for slower, 1 with exponent 0."""
    old = [("old", day) for day in range(40)]
    young = [("young", day) for day in range(60, 100)]
    events = old + young + [("steady", day) for day in range(0, 100, 2)]
    data = Interactions.from_columns(
        [f"c{at}" for at in range(len(events))], [name for name, _ in events], [day * DAY_US for _, day in events]
    )
    lift = dict(zip(data.items.tolist(), trend_lift(data, 100 * DAY_US, TrendConfig()), strict=True))

    assert lift["old"] < 0.9 < lift["steady"] < 1.2 < lift["young"]
    assert trend_lift(data, 100 * DAY_US, TrendConfig(exponent=0.0)).tolist() == [1.0, 1.0, 1.0]
