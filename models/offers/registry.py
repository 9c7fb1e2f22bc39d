"""The offer rules in force, one line each. A new rule is a file in `rules/`, a line here, and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.offers.rules.bundle import Bundle
from models.offers.rules.engagement import Engagement
from models.offers.rules.feature_denied import FeatureDenied
from models.offers.rules.intent import Intent
from models.offers.rules.life_cycle import LifeCycle
from models.offers.rules.likely_upgrade import LikelyUpgrade
from models.offers.rules.limit_near import LimitNear
from models.offers.rules.missing_function import MissingFunction
from models.offers.rules.save import Save

if TYPE_CHECKING:
    from models.offers.rules.contract import OfferRule

RULES: tuple[OfferRule, ...] = (
    Save(),
    FeatureDenied(),
    MissingFunction(),
    LimitNear(),
    Intent(),
    LifeCycle(),
    Engagement(),
    LikelyUpgrade(),
    Bundle(),
)
