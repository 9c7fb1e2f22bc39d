"""Climbs the ladder: fits every rung, calibrates it on later rows, and takes the one that validation rows show to be best.

Rungs 0 and 1 are rules: a rate, a napkin's rule, a closed form. A learned rung must beat the best rule with certainty (the lower bound of
the paired log-loss lead is above zero); among those that do, the least log loss wins. With too few cases, or if nothing beats the rules, a
rule answers, and the report says so. Rung 4 is only climbed to where there are cases enough to choose its parts by.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from models.metrics.classification import auc, brier, ece10, log_loss, log_loss_lead
from models.tabular.base_rate import fit_base_rate
from models.tabular.blend import TREES, BlendConfig, fit_blend
from models.tabular.boosted import Boosted, fit_boosted
from models.tabular.calibrate import UNCALIBRATED, fit_calibrator
from models.tabular.categories import fit_categories
from models.tabular.logistic import fit_logistic
from models.tabular.model import TabularModel
from models.tabular.recency_rule import fit_recency_rule
from models.tabular.table import TableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np

    from models.metrics.interval import Interval
    from models.tabular.categories import Categories
    from models.tabular.contract import Rung
    from models.tabular.table import Examples


QUICK_BLEND = BlendConfig(
    folds=3,
    penalties=(0.03, 0.3),
    trees=tuple(replace(one, trees=500, bags=2) for one in TREES.values()),
    most_choosing_rows=6000,
    most_rows=30_000,
)
"""Rung 4 for jobs that climb every night for many tenants: choices on at most six thousand rows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderConfig:
    """`rule_column` is the one column that rung 0's rule looks at; `fewest_cases` is the least of the rarer outcome to learn from.

    `closed_form` fits rung 1 (None where the columns do not allow it); `categorical` names columns of level numbers; `blend` is rung 4's
    way of choosing, from `blend_cases` of the rarer outcome on, or None to leave it out. `grow` fits rung 3, here or over a cluster.
    """

    rule_column: str | None = None
    closed_form: Callable[[Examples], Rung | None] | None = None
    categorical: tuple[str, ...] = ()
    blend: BlendConfig | None = field(default_factory=lambda: QUICK_BLEND)
    blend_cases: int = 300
    groups: Mapping[str, str] = field(default_factory=dict)
    fewest_cases: int = 20
    fewest_validation_cases: int = 10
    seed: int = 0
    grow: Callable[..., Boosted] = fit_boosted


@dataclass(frozen=True, slots=True, kw_only=True)
class RungResult:
    """One rung on the validation rows; `lead` is its paired log-loss lead over the best rule (None for the rules themselves)."""

    name: str
    number: int
    log_loss: float
    brier: float
    ece10: float
    auc: float | None
    lead: Interval | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderReport:
    """What was tried and why the chosen rung was chosen; `floor` is the best rule, the honest baseline of every gate."""

    chosen: str
    number: int
    why: str
    results: tuple[RungResult, ...]
    floor: TabularModel = field(repr=False)

    @property
    def is_floor(self) -> bool:
        """Whether a rule answers, for want of anything better."""
        return self.number <= 1


def fit_ladder(
    train: Examples, calibration: Examples, validation: Examples, *, config: LadderConfig, rng: np.random.Generator
) -> tuple[TabularModel, LadderReport]:
    """The chosen model and the report. The three parts follow each other in time (or hold different customers)."""
    if not len(train):
        raise TableError("a ladder needs at least one training row")
    fit_on, *judged = (part.take_columns(train.table.columns) for part in (train, calibration, validation))
    categories, fit_on = fit_categories(fit_on, config.categorical, rng=rng)
    parts = (fit_on, judged[0], judged[1])
    rules = _rules(parts[0], parts[1], config, categories)
    shortage = _shortage(parts[0], parts[2], config)
    if shortage:
        floor = _best(rules, parts[2]) if len(validation) else rules[-1 if config.closed_form else 0]
        results = tuple(_result(rule, parts[2], None) for rule in rules) if len(validation) else ()
        number = floor.rung.number
        why = f"{shortage}, so a rule answers"
        return floor, LadderReport(chosen=floor.rung_name, number=number, why=why, results=results, floor=floor)
    rungs: list[Rung] = [fit_logistic(parts[0]), config.grow(parts[0], seed=config.seed)]
    if config.blend is not None and parts[0].rarer >= config.blend_cases:
        rungs.append(fit_blend(parts[0], config=replace(config.blend, seed=config.seed)))
    learners = [_calibrated(rung, parts[1], config, categories) for rung in rungs]
    return _choose(rules, learners, parts[2], rng)


def _choose(
    rules: Sequence[TabularModel], learners: Sequence[TabularModel], validation: Examples, rng: np.random.Generator
) -> tuple[TabularModel, LadderReport]:
    floor = _best(rules, validation)
    leads = [_lead(model, floor, validation, rng) for model in learners]
    results = (
        *(_result(rule, validation, None) for rule in rules),
        *(_result(model, validation, lead) for model, lead in zip(learners, leads, strict=True)),
    )
    certain = [model for model, lead in zip(learners, leads, strict=True) if lead.above_zero]
    chosen = _best(certain, validation) if certain else floor
    if certain:
        lead = leads[list(learners).index(chosen)]
        why = (
            f"beats the {floor.rung.name} by {lead.mean:.4f} log loss (95 % interval {lead.low:.4f} to {lead.high:.4f})"
        )
    else:
        why = f"no learned rung beats the {floor.rung.name} with certainty, so a rule answers"
    return chosen, LadderReport(
        chosen=chosen.rung_name, number=chosen.rung.number, why=why, results=results, floor=floor
    )


def _rules(train: Examples, calibration: Examples, config: LadderConfig, categories: Categories) -> list[TabularModel]:
    """Rung 0: the rate, and the rule where its column is there; rung 1 where its columns are there, last."""
    rungs: list[Rung] = [fit_base_rate(train)]
    if config.rule_column in train.table.columns:
        rungs.append(fit_recency_rule(train, config.rule_column))
    closed = config.closed_form(train) if config.closed_form else None
    if closed is not None:
        rungs.append(closed)
    return [_calibrated(rung, calibration, config, categories) for rung in rungs]


def _calibrated(rung: Rung, calibration: Examples, config: LadderConfig, categories: Categories) -> TabularModel:
    table = calibration.table
    bare = TabularModel(
        columns=table.columns, rung=rung, calibrator=UNCALIBRATED, groups=config.groups, categories=categories
    )
    return replace(bare, calibrator=fit_calibrator(calibration.label, bare.probability(table)))


def _shortage(train: Examples, validation: Examples, config: LadderConfig) -> str | None:
    """What is too little to climb, in words, or None. Too few calibration cases only mean that scores stay as they are."""
    if train.rarer < config.fewest_cases:
        return f"only {train.rarer} of {config.fewest_cases} cases of the rarer outcome to learn from"
    if validation.rarer < config.fewest_validation_cases:
        return f"only {validation.rarer} of {config.fewest_validation_cases} cases of the rarer outcome to judge by"
    return None


def _best(models: Sequence[TabularModel], validation: Examples) -> TabularModel:
    """The least log loss; the earlier one when equal."""
    return min(models, key=lambda model: log_loss(validation.label, model.probability(validation.table)))


def _lead(model: TabularModel, floor: TabularModel, validation: Examples, rng: np.random.Generator) -> Interval:
    ours, theirs = model.probability(validation.table), floor.probability(validation.table)
    return log_loss_lead(validation.label, ours, theirs, customers=validation.customers, rng=rng)


def _result(model: TabularModel, validation: Examples, lead: Interval | None) -> RungResult:
    probability = model.probability(validation.table)
    return RungResult(
        name=model.rung.name,
        number=model.rung.number,
        log_loss=log_loss(validation.label, probability),
        brier=brier(validation.label, probability),
        ece10=ece10(validation.label, probability),
        auc=auc(validation.label, probability) if validation.rarer else None,
        lead=lead,
    )
