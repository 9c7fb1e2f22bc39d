"""Whether a training run has seen what it could not have known: each check answers with a finding, and one failed finding fails the run.

A leak makes a model look brilliant in the report and useless in the shop, so these run on every training, and their findings stand in
the card.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.kernel.errors import ConflictError
from models.metrics.classification import auc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from models.tabular.labels import Window
    from models.tabular.table import Examples, FeatureTable, Flags, Floats

    Longs = NDArray[np.int64]

SUSPICIOUS_AUC = 0.95
FEWEST_CASES = 20


class LeakError(ConflictError):
    """The run has seen what it could not have known; nothing of it may be used."""

    code = "training_leak"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakFinding:
    """What a check found; `explanation` is one sentence for people, `facts` the numbers behind it."""

    check: str
    passed: bool
    explanation: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def require_clean(findings: Sequence[LeakFinding]) -> None:
    """Fails the run if any finding failed, with all failed sentences."""
    failed = [finding for finding in findings if not finding.passed]
    if failed:
        raise LeakError(" ".join(f"{one.explanation}." for one in failed), checks=[one.check for one in failed])


def check_feature_times(feature_us: Longs, label_us: Longs, *, as_of_us: int) -> LeakFinding:
    """Every feature's events lie strictly before the moment and every label's at or after it."""
    late, early = int((feature_us >= as_of_us).sum()), int((label_us < as_of_us).sum())
    if not late and not early:
        said = "features end before the moment and labels begin at it"
    else:
        said = f"{late} feature events lie at or after the moment and {early} label events before it"
    return LeakFinding(
        check="feature_times", passed=not late and not early, explanation=said, facts={"late": late, "early": early}
    )


def check_window_observed(window: Window, observed_until_us: int, *, allowance_days: int = 0) -> LeakFinding:
    """The label window has wholly passed, with the allowance for events that arrive late."""
    missing_us = window.end_us + allowance_days * 86_400_000_000 - observed_until_us
    missing_days = round(missing_us / 86_400_000_000, 2)
    said = (
        f"{missing_days} days of the label window are not observed yet"
        if missing_us > 0
        else "the label window has wholly passed"
    )
    return LeakFinding(
        check="window_observed",
        passed=missing_us <= 0,
        explanation=said,
        facts={"missing_days": max(missing_days, 0.0)},
    )


def check_windows_apart(train_as_of_us: Longs, judged_as_of_us: Longs, *, horizon_us: int) -> LeakFinding:
    """Every learning row's label window closes before the first judged moment (the purge gap)."""
    if not train_as_of_us.size or not judged_as_of_us.size:
        return LeakFinding(check="windows_apart", passed=True, explanation="there is nothing to keep apart")
    overlap = int((train_as_of_us + horizon_us > judged_as_of_us.min()).sum())
    said = (
        f"{overlap} learning rows have label windows that reach past the first judged moment"
        if overlap
        else "learning label windows close before the judged moment"
    )
    return LeakFinding(check="windows_apart", passed=not overlap, explanation=said, facts={"rows": overlap})


def check_customers_apart(train: NDArray[Any], judged: NDArray[Any]) -> LeakFinding:
    """In a split that is drawn (not by time) no customer is on both sides."""
    both = np.intersect1d(train, judged)
    said = (
        f"{both.size} customers are on both sides of a random split"
        if both.size
        else "no customer is on both sides of the split"
    )
    return LeakFinding(
        check="customers_apart", passed=not both.size, explanation=said, facts={"customers": int(both.size)}
    )


def check_rows_once(customers: NDArray[Any], as_of_us: Longs) -> LeakFinding:
    """Each customer is one row at each moment: rows copied to even out the outcomes would be learned from and judged by alike."""
    pairs = np.char.add(np.char.add(as_of_us.astype(np.str_), ":"), customers.astype(np.str_))
    copies = int(pairs.size - np.unique(pairs).size)
    said = (
        f"{copies} rows are copies of a customer at the same moment, so what is judged may have been learned"
        if copies
        else "every customer is one row at each moment"
    )
    return LeakFinding(check="rows_once", passed=not copies, explanation=said, facts={"copies": copies})


def check_rows_known(customers: NDArray[Any], known: NDArray[Any]) -> LeakFinding:
    """Every row is a customer of the label's source: none was made up between others (as SMOTE does)."""
    strangers = np.setdiff1d(customers.astype(np.str_), known.astype(np.str_))
    said = (
        f"{strangers.size} rows belong to nobody that the label knows, so they were made up"
        if strangers.size
        else "every row is a customer that the label knows"
    )
    return LeakFinding(
        check="rows_known", passed=not strangers.size, explanation=said, facts={"strangers": int(strangers.size)}
    )


def check_base_kept(label: Flags, probability: Floats) -> LeakFinding:
    """On its own learning rows a fit promises as many cases as there were; class weights or resampling promise more.

    `probability` is before calibration, which would hide it; four deviations of chance and a fiftieth are let pass.
    """
    if not label.size:
        return LeakFinding(check="base_kept", passed=True, explanation="there is nothing to compare")
    promised, found = float(probability.mean()), float(label.mean())
    allowed = 0.02 + 4 * float(np.sqrt(found * (1 - found) / label.size))
    passed = abs(promised - found) <= allowed
    said = f"on the rows it learned from, the model promises {promised:.1%} where {found:.1%} came"
    if not passed:
        said += ", so the outcomes were weighted or resampled and no promise can be taken at its word"
    return LeakFinding(check="base_kept", passed=passed, explanation=said, facts={"promised": promised, "found": found})


def check_single_features(examples: Examples) -> LeakFinding:
    """No column alone tells the outcome (AUC above .95 either way): such a column is usually the outcome in disguise."""
    if examples.rarer < FEWEST_CASES:
        said = f"fewer than {FEWEST_CASES} cases of the rarer outcome, so single columns cannot be judged"
        return LeakFinding(check="single_features", passed=True, explanation=said)
    guilty = {name: round(value, 4) for name, value in column_aucs(examples).items() if value > SUSPICIOUS_AUC}
    said = (
        f"alone, {', '.join(guilty)} tells the outcome almost surely, so it probably knows the future"
        if guilty
        else "no single column tells the outcome"
    )
    return LeakFinding(check="single_features", passed=not guilty, explanation=said, facts=guilty)


def column_aucs(examples: Examples) -> dict[str, float]:
    """How well each column alone, or its pattern of holes, orders the rows by outcome: the AUC in the better direction."""
    return {
        name: max(_column_auc(examples, values), _column_auc(examples, np.isnan(values).astype(np.float64)))
        for name, values in zip(examples.table.columns, examples.table.values.T, strict=True)
    }


def check_future_shift(features_of: Callable[[int | None], FeatureTable], *, as_of_us: int) -> LeakFinding:
    """Features computed anew after deleting all rows at or after the moment are the same, value for value.

    `features_of(None)` computes them with every row there is, `features_of(moment)` with only those strictly before the moment.
    """
    everything, past = features_of(None), features_of(as_of_us)
    if everything.columns != past.columns or everything.values.shape != past.values.shape:
        said = "without later rows the features have another shape"
        return LeakFinding(check="future_shift", passed=False, explanation=said)
    same = (everything.values == past.values) | (np.isnan(everything.values) & np.isnan(past.values))
    guilty = [name for name, equal in zip(everything.columns, same.all(axis=0), strict=True) if not equal]
    said = (
        f"{', '.join(guilty)} changes when later rows are deleted, so it sees the future"
        if guilty
        else "deleting later rows changes no feature"
    )
    return LeakFinding(check="future_shift", passed=not guilty, explanation=said, facts={"columns": guilty})


def check_not_constant(probability: Floats) -> LeakFinding:
    """A learned model gives different customers different scores; one that does not has learned nothing."""
    distinct = int(np.unique(probability).size)
    said = f"{distinct} different scores" if distinct > 1 else "every customer gets the same score"
    return LeakFinding(check="not_constant", passed=distinct > 1, explanation=said, facts={"distinct": distinct})


def _column_auc(examples: Examples, values: Floats) -> float:
    """The AUC of a column in its better direction; missing values rank as the median."""
    known = values[~np.isnan(values)]
    if not known.size:
        return 0.5
    found = auc(examples.label, np.where(np.isnan(values), np.median(known), values))
    return max(found, 1 - found)
