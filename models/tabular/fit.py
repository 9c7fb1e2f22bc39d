"""A tabular model at one go, without a later slice to calibrate on: as high a rung as the cases carry, calibrated by its inner folds.

For tables whose rows are not parted by time; the jobs climb the ladder instead (`ladder.py`), which judges every rung on later rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.tabular.base_rate import fit_base_rate
from models.tabular.blend import BlendConfig, fit_blend
from models.tabular.calibrate import UNCALIBRATED
from models.tabular.categories import fit_categories
from models.tabular.logistic import fit_logistic
from models.tabular.model import TabularModel

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.tabular.contract import Rung
    from models.tabular.table import Examples

FEWEST_CASES = 20
BLEND_CASES = 60


def fit_tabular(
    examples: Examples, *, categorical: Collection[str] = (), config: BlendConfig | None = None
) -> TabularModel:
    """The rate below twenty cases of the rarer outcome, logistic regression below sixty, the blend above."""
    chosen = config or BlendConfig()
    categories, encoded = fit_categories(examples, categorical, rng=np.random.default_rng(chosen.seed))
    rung: Rung
    if encoded.rarer < FEWEST_CASES:
        rung = fit_base_rate(encoded)
    elif encoded.rarer < BLEND_CASES:
        rung = fit_logistic(encoded)
    else:
        rung = fit_blend(encoded, config=chosen)
    return TabularModel(columns=examples.table.columns, rung=rung, calibrator=UNCALIBRATED, categories=categories)
