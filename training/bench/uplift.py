"""The uplift benchmark on a table of an experiment: whether there is anything to learn, learners judged over many splits, a policy.

Protocol: 70/30 splits, stratified by arm and outcome, seeds 0 to 9 unless told; every arm against the control alone; a random order and
the plain response model always stand beside the learners. The champion settles its learner inside each training part.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.model_selection import train_test_split

from models.metrics.interval import Interval
from models.uplift.choice import Champion
from models.uplift.heterogeneity import Heterogeneity, examine
from models.uplift.learners import (
    CT_ADDITIVE,
    CT_LOGISTIC,
    DR_ADDITIVE,
    RESPONSE,
    RESPONSE_LOGISTIC,
    ROBUST,
    S_TREES,
    T_LOGISTIC,
    T_TREES,
    X_TREES,
    RandomOrder,
)
from models.uplift.metrics import curve, uplift_at
from models.uplift.policy import Terms, choose, choose_all_or_none, policy_value
from models.uplift.randomised import Randomisation, check_randomisation
from training.bench.uplift_file import UpliftFileError, read_uplift

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.uplift.contract import Experiment, Learner

CHAMPION = Champion()
LEARNERS: tuple[Learner, ...] = (
    CHAMPION, S_TREES, T_TREES, T_LOGISTIC, X_TREES, DR_ADDITIVE, CT_LOGISTIC, CT_ADDITIVE, RESPONSE, RESPONSE_LOGISTIC, RandomOrder()
)  # fmt: skip
NOT_UPLIFT = frozenset({RESPONSE.name, RESPONSE_LOGISTIC.name, "random"})
TEST_SHARE = 0.3
_SHARES = (0.1, 0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerRow:
    """Means over splits; `spread` is the standard deviation of the Qini coefficient over splits, `qini` its mean and interval."""

    name: str
    ours: bool
    is_baseline: bool
    qini: Interval
    spread: float
    auuc: float
    uplift_10: float
    uplift_30: float
    lead: Interval
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """What a policy earns a customer of the test parts over treating nobody, in minor units; `share` is how many it treats."""

    name: str
    share: float
    value: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmReport:
    """Everything about one arm against the control."""

    arm: str
    control: str
    treated: int
    untreated: int
    effect: float
    effect_error: float
    randomisation: Randomisation
    heterogeneity: Heterogeneity
    chosen: dict[str, int]
    rows: list[LearnerRow]
    policies: list[PolicyRow]
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftReport:
    """The benchmark of a file."""

    file: str
    outcome: str
    splits: int
    seed: int
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    terms: Terms | None
    arms: list[ArmReport]

    def to_document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def bench_uplift(
    path: Path,
    *,
    treatment: str,
    outcome: str,
    control: str = "",
    arms: Sequence[str] = (),
    drop: Sequence[str] = (),
    positive: str = "",
    splits: int = 10,
    seed: int = 0,
    terms: Terms | None = None,
    tell: Callable[[str], None] = lambda _words: None,
) -> UpliftReport:
    """Every arm against the control. UpliftFileError when the file is not an experiment."""
    if splits < 2:
        raise UpliftFileError(
            "one split says nothing about learners of uplift; take at least 2, better 10", splits=splits
        )
    tell("reading the table")
    file = read_uplift(
        path, treatment=treatment, outcome=outcome, control=control, arms=arms, drop=drop, positive=positive
    )
    reports = [
        judge_arm(data, arm=arm, control=file.control, splits=splits, seed=seed, terms=terms, tell=tell)
        for arm, data in file.experiments.items()
    ]
    return UpliftReport(
        file=path.name,
        outcome=outcome,
        splits=splits,
        seed=seed,
        columns=file.columns,
        left_out=file.left_out,
        notes=file.notes,
        terms=terms,
        arms=reports,
    )


def judge_arm(
    data: Experiment,
    *,
    arm: str,
    control: str,
    splits: int,
    seed: int,
    terms: Terms | None = None,
    learners: Sequence[Learner] = LEARNERS,
    tell: Callable[[str], None] = lambda _words: None,
) -> ArmReport:
    """The checks, the learners over the splits, and what policies earn."""
    began = time.perf_counter()
    rng = np.random.default_rng([seed, 77])
    tell(f"{arm}: is the assignment random?")
    randomisation = check_randomisation(data, rng)
    tell(f"{arm}: do customers differ in what it changes?")
    heterogeneity = examine((ROBUST,), data, rng)
    found: dict[str, list[tuple[float, ...]]] = {learner.name: [] for learner in learners}
    policies: dict[str, list[tuple[float, Interval]]] = {}
    chosen: dict[str, int] = {}
    for split in range(seed, seed + splits):
        tell(f"{arm}: split {split - seed + 1} of {splits}")
        train, test = _split(data, split)
        for learner in learners:
            started = time.process_time()
            draws = np.random.default_rng(split)
            settled = learner.settle(train, draws) if isinstance(learner, Champion) else learner
            if isinstance(learner, Champion):
                chosen[settled.name] = chosen.get(settled.name, 0) + 1
            score = settled.fit(train, draws).uplift(test.features)
            spent = time.process_time() - started
            curves = curve(score, test.treated, test.outcome)
            tops = [uplift_at(score, test.treated, test.outcome, share) for share in _SHARES]
            found[learner.name].append((curves.coefficient, curves.auuc, *tops, spent))
            if terms is not None and isinstance(learner, Champion):
                chosen_by = _policies(score, train.effect, terms, is_usable=heterogeneity.is_usable)
                for name, whom in chosen_by.items():
                    value = policy_value(whom, test, terms, np.random.default_rng(split))
                    policies.setdefault(name, []).append((float(whom.mean()), value))
    return ArmReport(
        arm=arm,
        control=control,
        treated=int(data.treated.sum()),
        untreated=int((~data.treated).sum()),
        effect=data.effect,
        effect_error=data.effect_error,
        randomisation=randomisation,
        heterogeneity=heterogeneity,
        chosen=chosen,
        rows=[_row(learner, found, splits) for learner in learners],
        policies=[_policy_row(name, values) for name, values in policies.items()],
        seconds=time.perf_counter() - began,
    )


def _split(data: Experiment, seed: int) -> tuple[Experiment, Experiment]:
    stratum = data.treated * 2 + (data.outcome > 0)
    rows = np.arange(len(data))
    counts = np.bincount(stratum)
    stratify = stratum if counts[counts > 0].min() >= 2 else data.treated
    train, test = train_test_split(rows, test_size=TEST_SHARE, random_state=seed, stratify=stratify)
    return data.of(train), data.of(test)


def _row(learner: Learner, found: dict[str, list[tuple[float, ...]]], splits: int) -> LearnerRow:
    values = np.array(found[learner.name])
    means = {name: float(np.mean([row[0] for row in rows])) for name, rows in found.items() if name in NOT_UPLIFT}
    base = max(means, key=lambda name: means[name]) if means else learner.name
    return LearnerRow(
        name=learner.name,
        ours=isinstance(learner, Champion),
        is_baseline=learner.name in NOT_UPLIFT,
        qini=_over_splits(values[:, 0], splits),
        spread=float(values[:, 0].std(ddof=1)),
        auuc=float(values[:, 1].mean()),
        uplift_10=float(values[:, 2].mean()),
        uplift_30=float(values[:, 3].mean()),
        lead=_over_splits(values[:, 0] - np.array(found[base])[:, 0], splits),
        seconds=float(values[:, -1].mean()),
    )


def _over_splits(values: np.ndarray[Any, np.dtype[np.float64]], splits: int) -> Interval:
    """Mean over splits that share rows: the variance is Nadeau and Bengio's (2003), with test rows over training rows added."""
    error = float(np.sqrt((1 / splits + TEST_SHARE / (1 - TEST_SHARE)) * values.var(ddof=1)))
    mean = float(values.mean())
    return Interval(mean=mean, low=mean - 1.96 * error, high=mean + 1.96 * error)


def _policies(
    score: np.ndarray[tuple[int], np.dtype[np.float64]], effect: float, terms: Terms, *, is_usable: bool
) -> dict[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    """Whom each policy treats; the recommended one goes by uplift only where customers differ for certain."""
    plain = choose_all_or_none(effect, score.size, terms)
    by_uplift = choose(score, terms)
    everybody = choose_all_or_none(np.inf, score.size, terms)
    ours = by_uplift if is_usable else plain
    return {"recommended": ours, "by uplift": by_uplift, "all or none": plain, "everybody": everybody}


def _policy_row(name: str, values: list[tuple[float, Interval]]) -> PolicyRow:
    share = float(np.mean([value[0] for value in values]))
    mean, low, high = (
        float(np.mean([getattr(value[1], field) for value in values])) for field in ("mean", "low", "high")
    )
    return PolicyRow(name=name, share=share, value=Interval(mean=mean, low=low, high=high))
