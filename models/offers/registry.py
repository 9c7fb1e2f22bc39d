"""The offer rules in force, one line each. A new rule is a file in `rules/`, a line here, and a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.offers.rules.feature_denied import FeatureDenied
from models.offers.rules.likely_upgrade import LikelyUpgrade
from models.offers.rules.limit_near import LimitNear

if TYPE_CHECKING:
    from models.offers.rules.contract import OfferRule

RULES: tuple[OfferRule, ...] = (FeatureDenied(), LimitNear(), LikelyUpgrade())
