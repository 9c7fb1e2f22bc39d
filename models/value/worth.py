"""What each customer will spend in orders over a horizon: purchases times spend, as whole minor units, with the range it may come to.

The expectation is purchases (level corrected) times the expected amount of one. The range is drawn from what the models leave open about
one customer: whether they are still there, how often they buy, how often that is, and what each purchase costs. Days and minor units.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from models.recommender.archive import read_archive, write_archive
from models.value.bgnbd import BgNbd
from models.value.contract import Retention
from models.value.gamma_gamma import Spend, fit_spend
from models.value.level import UNCORRECTED, Backtest, Level
from models.value.nbd import Nbd
from models.value.pareto_nbd import ParetoNbd
from models.value.purchases import Purchases, fit_purchases

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from models.value.histories import Histories
    from models.value.orders import Orders

    Floats = NDArray[np.float64]

KIND = "value"
DRAWS = 200
_CELLS = 1_000_000
_SPREAD = 2.0
"""Shape of one purchase's amount where no Gamma-Gamma tells it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Worth:
    """Shape (customers,) each: expected minor units, 80 % bounds, expected purchases, and the chance to be still there."""

    expected: Floats
    low: Floats
    high: Floats
    purchases: Floats
    alive: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueModel:
    """The fitted parts; `spend` is None where no order had an amount, `retention` None without subscriptions."""

    purchases: Purchases | None
    spend: Spend | None
    retention: Retention | None
    retention_level: Level
    task: ClassVar[str] = "value"

    @property
    def rung(self) -> str:
        """The rungs of the parts, for people."""
        found = [self.purchases.rung] if self.purchases else []
        found += [self.spend.rung] if self.spend else []
        return ", ".join(found + ([self.retention.rung] if self.retention else []))

    def of_orders(self, past: Orders, day: int, horizon_days: int, rng: np.random.Generator) -> Worth:
        """What the customers of `past` will order from `day` on."""
        known = past.histories_at(day)
        if self.purchases is None or self.spend is None:
            nothing = np.zeros(len(known))
            return Worth(expected=nothing, low=nothing, high=nothing, purchases=nothing, alive=nothing)
        repeats, mean = past.repeat_spend()
        count = self.purchases.expected(horizon_days, known)
        each = self.spend.expected(repeats, mean)
        factor = self.purchases.level.factor(horizon_days, self.purchases.observed_days)
        rows = max(1, _CELLS // DRAWS)
        low, high = np.zeros(len(known)), np.zeros(len(known))
        for start in range(0, len(known), rows):
            part = np.arange(start, min(start + rows, len(known)))
            drawn = self._draw(known.of(part), (repeats[part], mean[part]), horizon_days * factor, rng)
            low[part], high[part] = np.quantile(drawn, [0.1, 0.9], axis=1)
        return Worth(
            expected=count * each, low=low, high=high, purchases=count, alive=self.purchases.probability_alive(known)
        )

    def _draw(self, known: Histories, paid: tuple[Floats, Floats], days: float, rng: np.random.Generator) -> Floats:
        """Shape (customers, draws) of minor units; `paid` is repeats and their mean."""
        if self.purchases is None or self.spend is None:
            return np.zeros((len(known), 1))
        process, spend, (repeats, mean) = self.purchases.process, self.spend, paid
        shape = (len(known), DRAWS)
        rate = (
            rng.gamma((process.r + known.frequency)[:, np.newaxis], 1.0, shape)
            / (process.alpha + known.age)[:, np.newaxis]
        )
        bought = rng.poisson(rate * days)
        if isinstance(process, BgNbd):
            alive = process.probability_alive(known.frequency, known.recency, known.age)[:, np.newaxis]
            leaves = rng.beta(process.a, (process.b + known.frequency)[:, np.newaxis], shape)
            until = rng.geometric(np.clip(leaves, 1e-9, 1.0))
            bought = np.where(rng.random(shape) < alive, np.minimum(bought, until), 0)
        if spend.p > 0:
            size = rng.gamma((spend.p * repeats + spend.q)[:, np.newaxis], 1.0, shape)
            personal = size / (spend.v + repeats * mean)[:, np.newaxis]
            return np.asarray(rng.gamma(np.maximum(spend.p * bought, 1e-9), 1.0) / personal * (bought > 0))
        each = spend.expected(repeats, mean)[:, np.newaxis] / _SPREAD
        return np.asarray(rng.gamma(np.maximum(_SPREAD * bought, 1e-9), 1.0) * each * (bought > 0))

    def save(self, folder: Path) -> str:
        """Writes a new folder and returns its content hash."""
        return write_archive(folder, kind=KIND, arrays={}, document=_document(self))

    @classmethod
    def load(cls, folder: Path) -> ValueModel:
        """The model that was saved; a damaged folder is an error."""
        _, document, _ = read_archive(folder, kind=KIND)
        return cls(
            purchases=_purchases(document["purchases"]) if document["purchases"] else None,
            spend=Spend(**document["spend"]) if document["spend"] else None,
            retention=Retention(**document["retention"]) if document["retention"] else None,
            retention_level=_level(document["retention_level"]),
        )


def fit_worth(orders: Orders, day: int) -> tuple[Purchases | None, Spend | None]:
    """The parts that orders teach, as known at the start of a day."""
    past = orders.before(day)
    if len(past) == 0:
        return None, None
    repeats, mean = past.repeat_spend()
    counts, all_means = past.spend()
    spend = None
    if ((repeats > 0) & (mean > 0)).sum() >= 1:
        spend = fit_spend(repeats, mean)
    elif (all_means > 0).any():
        spend = fit_spend(counts, all_means)
    return fit_purchases(orders, day), spend


def _document(model: ValueModel) -> dict[str, Any]:
    purchases: dict[str, Any] | None = None
    if model.purchases is not None:
        part = model.purchases
        purchases = {
            "kind": part.process.name,
            "process": asdict(part.process),
            "beside": asdict(part.beside) if part.beside else None,
            "level": asdict(part.level),
            "observed_days": part.observed_days,
            "rung": part.rung,
            "why": part.why,
        }
        if not np.isfinite(part.process.log_likelihood):
            purchases["process"]["log_likelihood"] = 0.0
    return {
        "purchases": purchases,
        "spend": asdict(model.spend) if model.spend else None,
        "retention": asdict(model.retention) if model.retention else None,
        "retention_level": asdict(model.retention_level),
    }


def _purchases(document: dict[str, Any]) -> Purchases:
    process: BgNbd | Nbd = (BgNbd if document["kind"] == BgNbd.name else Nbd)(**document["process"])
    return Purchases(
        process=process,
        beside=ParetoNbd(**document["beside"]) if document["beside"] else None,
        level=_level(document["level"]),
        observed_days=int(document["observed_days"]),
        rung=str(document["rung"]),
        why=str(document["why"]),
    )


def _level(document: dict[str, Any]) -> Level:
    backtests = tuple(Backtest(**test) for test in document.get("backtests", ()))
    return Level(**{**document, "backtests": backtests}) if document else UNCORRECTED
