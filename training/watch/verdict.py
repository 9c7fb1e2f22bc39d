"""What a look at a model comes to: an alarm, something to notice, or nothing; with the reason in one sentence. Pure.

Calibration speaks first: promises that did not come true are an alarm by themselves. A shift of features alone only is noticed; it is an
alarm when the scores have moved with it. Thresholds are set so that a tenant without any drift hears of fewer than one alarm in twenty
months (`tests/training/watch` proves it by simulation).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from training.watch.drift import adjusted_by_bh, adjusted_by_holm
from training.watch.realised import FEWEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from training.watch.drift import Shift
    from training.watch.realised import Realised


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What was seen of one model on one night; `label_rates` are (at training, newest that is known), `quiet_days` since the last row."""

    score: Shift
    features: Mapping[str, Shift]
    realised: Realised | None = None
    label_rates: tuple[float, float] | None = None
    scored: int = 0
    quiet_days: float = 0.0
    longest_quiet_days: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`kind` is one of calibration, scores, freshness, features, none; the first three are alarms."""

    kind: str
    alarm: bool
    sentence: str
    document: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchman:
    """How sure to be. `risk` is the share of drift-free months with an alarm that each kind may cause; looks are nightly."""

    risk: float = 0.01
    nights: int = 30
    models: int = 5
    score_psi: float = 0.25
    feature_psi: float = 0.1
    notice_rate: float = 0.01
    least_gap: float = 0.02
    least_ece: float = 0.05
    most_quiet_days: float = 7.0

    def judge(self, looked: Looked) -> Verdict:
        """The verdict, with every figure in its document."""
        moved = self.moved_features(looked.features)
        kind, sentence = self._calibration(looked) or self._scores(looked, moved) or self._freshness(looked) or ("", "")
        if kind:
            return Verdict(kind=kind, alarm=True, sentence=sentence, document=_document(looked, moved))
        if moved:
            names = ", ".join(moved[:3]) + (f" and {len(moved) - 3} more" if len(moved) > 3 else "")
            said = f"{names} moved since training, but neither scores nor outcomes did, so nothing needs to be done."
            return Verdict(kind="features", alarm=False, sentence=said, document=_document(looked, moved))
        return Verdict(kind="none", alarm=False, sentence=_calm(looked), document=_document(looked, moved))

    def moved_features(self, features: Mapping[str, Shift]) -> list[str]:
        """Features that moved far and surely, the furthest first."""
        adjusted = adjusted_by_bh([shift.p_value for shift in features.values()])
        moved = [
            (shift.psi, name)
            for (name, shift), p_value in zip(features.items(), adjusted, strict=True)
            if p_value <= self.notice_rate and shift.psi >= self.feature_psi
        ]
        return [name for _, name in sorted(moved, reverse=True)]

    def _calibration(self, looked: Looked) -> tuple[str, str] | None:
        found = looked.realised
        if found is None or found.rows < FEWEST or found.log_evidence < math.log(self.models / self.risk):
            return None
        far = abs(found.gap) >= self.least_gap or found.ece >= max(self.least_ece, found.noise)
        if not far:
            return None
        said = (
            f"Of {found.rows} customers {found.promised:.1%} were expected and {found.found:.1%} came: "
            f"odds of {_odds(found.log_evidence)} to 1 against the promises (the alarm is at {self.models / self.risk:,.0f} to 1)."
        )
        return "calibration", said

    def _scores(self, looked: Looked, moved: list[str]) -> tuple[str, str] | None:
        shift = looked.score
        p_value = adjusted_by_holm([shift.p_value], tests=self.nights * self.models)[0]
        if not moved or p_value > self.risk or shift.psi < self.score_psi:
            return None
        return "scores", (
            f"Scores have moved (stability index {shift.psi:.2f}, {self.score_psi:.2f} is the bound), led by {', '.join(moved[:3])}; "
            "what is promised may no longer hold."
        )

    def _freshness(self, looked: Looked) -> tuple[str, str] | None:
        bound = max(self.most_quiet_days, 4 * looked.longest_quiet_days)
        if looked.quiet_days <= bound:
            return None
        return "freshness", (
            f"Nothing has come in for {looked.quiet_days:.0f} days ({bound:.0f} is the bound); scores speak of the past."
        )


def _odds(log_evidence: float) -> str:
    return f"{math.exp(log_evidence):,.0f}" if log_evidence < math.log(1e6) else "more than a million"


def _calm(looked: Looked) -> str:
    if looked.realised is None or looked.realised.rows < FEWEST:
        return f"Nothing has moved since training; of {looked.scored} scores the outcomes are not known yet."
    found = looked.realised
    return (
        f"Nothing has moved: of {found.rows} customers {found.promised:.1%} were expected and {found.found:.1%} came."
    )


def _document(looked: Looked, moved: list[str]) -> dict[str, Any]:
    found = looked.realised
    return {
        "score": _shift(looked.score),
        "features": {name: _shift(shift) for name, shift in looked.features.items()},
        "moved": moved,
        "scored": looked.scored,
        "quiet_days": round(looked.quiet_days, 2),
        "label_rates": None if looked.label_rates is None else [round(rate, 5) for rate in looked.label_rates],
        "realised": None
        if found is None
        else {
            "rows": found.rows,
            "promised": round(found.promised, 5),
            "found": round(found.found, 5),
            "log_evidence": round(found.log_evidence, 3),
            "spiegelhalter_z": round(found.z, 3),
            "ece10": round(found.ece, 5),
            "noise": round(found.noise, 5),
        },
    }


def _shift(shift: Shift) -> dict[str, float]:
    return {
        "psi": round(shift.psi, 4),
        "p_value": shift.p_value,
        "missing_then": round(shift.missing_then, 4),
        "missing_now": round(shift.missing_now, 4),
    }
