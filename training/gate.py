"""Whether a fitted model may serve: only if it is better than every honest baseline with certainty and no worse than the champion.

All leads are paired on the same rows and oriented so that above zero means the candidate is better, whatever the metric; the gate itself
only reads them. Its reason is one sentence for people, and the report goes into the model's card whether it promotes or not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.metrics.classification import calibration_noise, ece10, log_loss_lead
from models.metrics.interval import Interval, paired_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.metrics.classification import Flags, Floats
    from training.leakage import LeakFinding

FEWEST_IN_SEGMENT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The candidate's ECE; on the same rows the champion's and the best baseline's; and what chance alone explains at this size."""

    ece: float
    noise: float
    champion_ece: float | None = None
    baseline_ece: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the model does once it is loaded and asked as servers do, on `rows` rows with the online features.

    `largest_difference` is how far at most it is from what it said when it was judged; `row_ms` is milliseconds for one row.
    """

    rows: int
    largest_difference: float
    row_ms: float
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the gate decides on; `is_floor` says that the candidate is itself the best rule, for want of anything better.

    `leads` are over what needs no learning and must be certain; `peers` are learned otherwise, and only must not be surely better.
    """

    metric: str
    leads: Mapping[str, Interval]
    peers: Mapping[str, Interval] = field(default_factory=dict)
    champion_lead: Interval | None = None
    calibration: Calibration | None = None
    segment_leads: Mapping[str, Interval] = field(default_factory=dict)
    leaks: Sequence[LeakFinding] = ()
    served: Served | None = None
    is_floor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One condition and what was found; `figure` and `threshold` are as the explanation words them."""

    name: str
    passed: bool
    explanation: str
    figure: str = ""
    threshold: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """Whether to promote, and why in one sentence for people."""

    promote: bool
    reason: str
    checks: tuple[GateCheck, ...]

    def to_document(self) -> dict[str, Any]:
        """Plain values for the model card."""
        found = asdict(self)
        return found | {"checks": list(found["checks"])}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The conditions; `epsilon` and `segment_loss` are in the metric's unit, `most_ece` and `most_difference` are probabilities."""

    epsilon: float = 0.002
    most_ece: float = 0.03
    segment_loss: float = 0.02
    most_difference: float = 1e-9
    most_row_ms: float = 50.0
    most_bytes: int = 64_000_000

    def decide(self, evidence: Evidence) -> GateReport:
        """The report; the first failed check, leaks before all else, gives the reason."""
        checks = (
            *_without_leaks(evidence),
            *_against_baselines(evidence),
            *_against_peers(evidence),
            *self._against_champion(evidence),
            *self._calibrated(evidence),
            *self._segments(evidence),
            *self._as_served(evidence),
        )
        failed = [check for check in checks if not check.passed]
        if failed:
            more = f" ({len(failed)} checks failed in all)" if len(failed) > 1 else ""
            return GateReport(promote=False, reason=f"Not promoted: {failed[0].explanation}{more}.", checks=checks)
        return GateReport(promote=True, reason=_praise(evidence), checks=checks)

    def _against_champion(self, evidence: Evidence) -> list[GateCheck]:
        lead = evidence.champion_lead
        if lead is None:
            return []
        passed, threshold = lead.low >= -self.epsilon, f"{self.epsilon:g}"
        said = f"against the champion, the lead in {evidence.metric} is {_told(lead)}"
        said += f", which {'is not' if passed else 'may be'} worse by more than {threshold}"
        return [
            GateCheck(name="champion", passed=passed, explanation=said, figure=f"{lead.low:+.4f}", threshold=threshold)
        ]

    def _calibrated(self, evidence: Evidence) -> list[GateCheck]:
        """Honest within the bound or within chance, or else no less honest than what would answer instead (a season moves them all)."""
        found = evidence.calibration
        if found is None:
            return []
        bound = max(self.most_ece, found.noise, found.champion_ece or 0.0, found.baseline_ece or 0.0)
        passed = found.ece <= bound
        figure, threshold = _apart(found.ece, bound)
        said = (
            f"promised and found rates differ by {figure} on average, {'within' if passed else 'more than'} {threshold}"
        )
        return [GateCheck(name="calibration", passed=passed, explanation=said, figure=figure, threshold=threshold)]

    def _segments(self, evidence: Evidence) -> list[GateCheck]:
        """A segment fails when even the upper bound of its lead over the champion is below the allowed loss."""
        return [
            GateCheck(
                name=f"segment: {name}",
                passed=lead.high >= -self.segment_loss,
                explanation=(
                    f"in segment {name}, the lead over the champion in {evidence.metric} is {_told(lead)}, "
                    f"{'not surely' if lead.high >= -self.segment_loss else 'surely'} worse by more than {self.segment_loss:g}"
                ),
                figure=f"{lead.high:+.4f}",
                threshold=f"{self.segment_loss:g}",
            )
            for name, lead in evidence.segment_leads.items()
        ]

    def _as_served(self, evidence: Evidence) -> list[GateCheck]:
        """Loaded again and asked as servers ask, the model says the same, in time, and fits."""
        found = evidence.served
        if found is None:
            return []
        limits = (
            (
                "parity",
                found.largest_difference,
                self.most_difference,
                "g",
                "as served, {rows} rows differ by up to {0}, {1} allowed",
            ),
            ("latency", found.row_ms, self.most_row_ms, ".2f", "one row takes {0} ms, {1} ms allowed"),
            ("size", found.size_bytes / 1e6, self.most_bytes / 1e6, ".2f", "the model takes {0} MB, {1} MB allowed"),
        )
        checks = []
        for name, value, limit, form, words in limits:
            figure, threshold = _apart(value, limit, form)
            said = words.format(figure, threshold, rows=found.rows)
            passed = value <= limit  # a NaN is no agreement
            checks.append(GateCheck(name=name, passed=passed, explanation=said, figure=figure, threshold=threshold))
        return checks


def classification_evidence(
    label: Flags,
    ours: Floats,
    *,
    customers: NDArray[Any],
    rng: np.random.Generator,
    baselines: Mapping[str, Floats],
    champion: Floats | None = None,
    leaks: Sequence[LeakFinding] = (),
    segments: NDArray[Any] | None = None,
    served: Served | None = None,
    is_floor: bool = False,
) -> Evidence:
    """The evidence of probabilities on the same rows, by log loss; all arrays have shape (rows,).

    `segments` names each row's slice; a slice too small to speak of (`FEWEST_IN_SEGMENT` rows, both outcomes) is left out.
    """

    def lead_over(theirs: Floats, rows: Any = slice(None)) -> Interval:
        return log_loss_lead(label[rows], ours[rows], theirs[rows], customers=customers[rows], rng=rng)

    groups = [] if segments is None or champion is None else _slices(segments, label)
    return Evidence(
        metric="log loss",
        leads={name: lead_over(theirs) for name, theirs in baselines.items()},
        champion_lead=None if champion is None else lead_over(champion),
        calibration=Calibration(
            ece=ece10(label, ours),
            noise=calibration_noise(ours, rng=rng),
            champion_ece=None if champion is None else ece10(label, champion),
            baseline_ece=min((ece10(label, theirs) for theirs in baselines.values()), default=None),
        ),
        segment_leads={str(name): lead_over(champion, segments == name) for name in groups if champion is not None},
        leaks=leaks,
        served=served,
        is_floor=is_floor,
    )


def _slices(segments: NDArray[Any], label: Flags) -> list[str]:
    """The slices that are large enough to be judged, in order."""
    names, counts = np.unique(segments, return_counts=True)
    return [
        str(name)
        for name, count in zip(names.tolist(), counts.tolist(), strict=True)
        if count >= FEWEST_IN_SEGMENT and 0 < label[segments == name].sum() < count
    ]


def ranking_evidence(
    metric: str,
    ours: Floats,
    *,
    rng: np.random.Generator,
    baselines: Mapping[str, Floats],
    champion: Floats | None = None,
    leaks: Sequence[LeakFinding] = (),
) -> Evidence:
    """The evidence of a metric of which more is better, one value a customer, the same customers everywhere, such as recall."""
    return Evidence(
        metric=metric,
        leads={name: paired_difference(ours, theirs, rng=rng) for name, theirs in baselines.items()},
        champion_lead=None if champion is None else paired_difference(ours, champion, rng=rng),
        leaks=leaks,
    )


def _against_baselines(evidence: Evidence) -> list[GateCheck]:
    """Every baseline is beaten with certainty; the best rule itself has only the champion to answer to."""
    if evidence.is_floor:
        said = "no learned model beats the best rule, so the rule is the candidate"
        return [GateCheck(name="baseline: best rule", passed=True, explanation=said)]
    if not evidence.leads:
        said = "there are 0 baselines to be better than, and at least 1 is needed"
        return [GateCheck(name="baseline", passed=False, explanation=said, figure="0", threshold="at least 1")]
    return [
        GateCheck(
            name=f"baseline: {name}",
            passed=lead.above_zero,
            explanation=f"{_verdict(lead)} than the {name}, in {evidence.metric} by {_told(lead)}, whose lower bound must be above 0",
            figure=f"{lead.low:+.4f}",
            threshold="above 0",
        )
        for name, lead in evidence.leads.items()
    ]


def _without_leaks(evidence: Evidence) -> list[GateCheck]:
    """No check may find a leak: one is too many."""
    return [
        GateCheck(
            name=f"leak: {one.check}",
            passed=one.passed,
            explanation=one.explanation if one.passed else f"{one.explanation} (1 leak found, 0 allowed)",
            figure="" if one.passed else "1 leak found",
            threshold="" if one.passed else "0 allowed",
        )
        for one in evidence.leaks
    ]


def _against_peers(evidence: Evidence) -> list[GateCheck]:
    return [
        GateCheck(
            name=f"peer: {name}",
            passed=lead.high >= 0,
            explanation=(
                f"{'not surely worse' if lead.high >= 0 else 'worse'} than the {name}: {evidence.metric} changes by {_told(lead)}, "
                "whose upper bound must reach 0"
            ),
            figure=f"{lead.high:+.4f}",
            threshold="must reach 0",
        )
        for name, lead in evidence.peers.items()
    ]


def _verdict(lead: Interval) -> str:
    return "better" if lead.above_zero else "not surely better"


def _praise(evidence: Evidence) -> str:
    if evidence.is_floor:
        return "Promoted: nothing learned beats the best rule yet, so the rule itself answers until something does."
    name, lead = min(evidence.leads.items(), key=lambda pair: pair[1].mean)
    more = "" if evidence.champion_lead is None else " and no worse than the champion"
    return f"Promoted: better than the {name}, the best baseline, in {evidence.metric} by {_told(lead)}{more}."


def _apart(value: float, limit: float, form: str = ".3f") -> tuple[str, str]:
    """Both as people read them, with as many digits as it takes to tell which is larger.

    >>> _apart(0.03004, 0.03), _apart(0.05, 0.03)
    (('0.03004', '0.03000'), ('0.050', '0.030'))
    """
    digits = 3 if form == ".3f" else 2
    found = format(value, form), format(limit, form)
    while found[0] == found[1] and value != limit and digits < 12:
        digits += 1
        found = f"{value:.{digits}f}", f"{limit:.{digits}f}"
    return found


def _told(lead: Interval) -> str:
    return f"{lead.mean:+.4f} (95 % interval {lead.low:+.4f} to {lead.high:+.4f})"
