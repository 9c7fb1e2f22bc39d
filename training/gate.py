"""Whether a fitted model may serve: only if it is better than every honest baseline with certainty and no worse than the champion.

All leads are paired on the same rows and oriented so that above zero means the candidate is better, whatever the metric; the gate itself
only reads them. Its reason is one sentence for people, and the report goes into the model's card whether it promotes or not.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from models.metrics.classification import calibration_noise, ece10, log_loss_lead
from models.metrics.interval import Interval, paired_difference

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from models.metrics.classification import Flags, Floats
    from training.leakage import LeakFinding


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The candidate's ECE; on the same rows the champion's and the best baseline's; and what chance alone explains at this size."""

    ece: float
    noise: float
    champion_ece: float | None = None
    baseline_ece: float | None = None


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
    is_floor: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateCheck:
    """One condition and what was found."""

    name: str
    passed: bool
    explanation: str


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
    """The conditions; `epsilon` and `segment_loss` are in the metric's unit, `most_ece` is a probability."""

    epsilon: float = 0.002
    most_ece: float = 0.03
    segment_loss: float = 0.02

    def decide(self, evidence: Evidence) -> GateReport:
        """The report; the first failed check, leaks before all else, gives the reason."""
        checks = (
            *(
                GateCheck(name=f"leak: {one.check}", passed=one.passed, explanation=one.explanation)
                for one in evidence.leaks
            ),
            *_against_baselines(evidence),
            *_against_peers(evidence),
            *self._against_champion(evidence),
            *self._calibrated(evidence),
            *self._segments(evidence),
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
        passed = lead.low >= -self.epsilon
        said = f"against the champion, the lead in {evidence.metric} is {_told(lead)}"
        if not passed:
            said += f", which may be worse by more than {self.epsilon:g}"
        return [GateCheck(name="champion", passed=passed, explanation=said)]

    def _calibrated(self, evidence: Evidence) -> list[GateCheck]:
        """Honest within the bound or within chance, or else no less honest than what would answer instead (a season moves them all)."""
        found = evidence.calibration
        if found is None:
            return []
        bound = max(self.most_ece, found.noise, found.champion_ece or 0.0, found.baseline_ece or 0.0)
        passed = found.ece <= bound
        said = f"promised and found rates differ by {found.ece:.3f} on average, {'within' if passed else 'more than'} {bound:.3f}"
        return [GateCheck(name="calibration", passed=passed, explanation=said)]

    def _segments(self, evidence: Evidence) -> list[GateCheck]:
        """A segment fails when even the upper bound of its lead over the champion is below the allowed loss."""
        return [
            GateCheck(
                name=f"segment: {name}",
                passed=lead.high >= -self.segment_loss,
                explanation=f"in segment {name}, the lead over the champion in {evidence.metric} is {_told(lead)}",
            )
            for name, lead in evidence.segment_leads.items()
        ]


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
    is_floor: bool = False,
) -> Evidence:
    """The evidence of probabilities on the same rows, by log loss; all arrays have shape (rows,)."""

    def lead_over(theirs: Floats, rows: Any = slice(None)) -> Interval:
        return log_loss_lead(label[rows], ours[rows], theirs[rows], customers=customers[rows], rng=rng)

    groups = sorted(set(segments.tolist())) if segments is not None and champion is not None else []
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
        is_floor=is_floor,
    )


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
        return [GateCheck(name="baseline", passed=False, explanation="there is no baseline to be better than")]
    return [
        GateCheck(
            name=f"baseline: {name}",
            passed=lead.above_zero,
            explanation=f"{_verdict(lead)} than the {name}, in {evidence.metric} by {_told(lead)}",
        )
        for name, lead in evidence.leads.items()
    ]


def _against_peers(evidence: Evidence) -> list[GateCheck]:
    return [
        GateCheck(
            name=f"peer: {name}",
            passed=lead.high >= 0,
            explanation=f"{'not surely worse' if lead.high >= 0 else 'worse'} than the {name}: {evidence.metric} changes by {_told(lead)}",
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


def _told(lead: Interval) -> str:
    return f"{lead.mean:+.4f} (95 % interval {lead.low:+.4f} to {lead.high:+.4f})"
