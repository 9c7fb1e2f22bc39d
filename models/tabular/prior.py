"""An answer before anything can be learned: a usual rate, moved by what little has been seen, the same for everybody and said to be so."""

from __future__ import annotations

from models.tabular.base_rate import BaseRate
from models.tabular.calibrate import UNCALIBRATED
from models.tabular.contract import rate_log_odds
from models.tabular.model import TabularModel
from models.tabular.table import TableError

USUAL_EXPOSURE = 20.0
"""How many observed periods the usual rate counts for."""


def prior_rate(cases: float, exposure: float, *, usual: float) -> float:
    """The posterior mean of a rate a period: a beta prior of mean `usual` worth `USUAL_EXPOSURE` periods, then `cases` in `exposure`.

    >>> prior_rate(0, 0, usual=0.05), prior_rate(3, 80, usual=0.05)
    (0.05, 0.04)
    """
    if not 0 < usual < 1 or cases < 0 or exposure < 0:
        raise TableError("a prior needs a rate between 0 and 1, and counts of at least 0", usual=usual, cases=cases)
    return (cases + usual * USUAL_EXPOSURE) / (max(exposure, cases) + USUAL_EXPOSURE)


def constant_model(rate: float, columns: tuple[str, ...]) -> TabularModel:
    """Rung 0 with one rate for all; it reads the columns, since a score is asked of a row, and none of them matters."""
    return TabularModel(columns=columns, rung=BaseRate(base=rate_log_odds(rate)), calibrator=UNCALIBRATED)
