"""What serving loads: an immutable recommender that answers from arrays alone, with a fallback chain that never raises.

Levels: "personal" (something known of the customer), "segment" (popular among alike), "trending" (what many took lately), "new" (the
newest items). Unknown items and customers are no error. Times are microseconds; nothing here reads a clock. Scores are those of
`models.recommender.blend`, at the moment of the call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.archive import read_archive, write_archive
from models.recommender.choose import Stage, allowed_items, choose
from models.recommender.interactions import Codes, Floats, Longs, Texts, decay
from models.recommender.reasons import Evidence, explain_personal
from models.recommender.recommendation import (
    NEW,
    NEW_LEVEL,
    PERSONAL_LEVEL,
    POPULAR_IN_SEGMENT,
    SEGMENT_LEVEL,
    TRENDING,
    TRENDING_LEVEL,
    Reason,
    Recommendation,
    ScoredItem,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

KIND = "recommender"
_PLAIN_REASON = {SEGMENT_LEVEL: POPULAR_IN_SEGMENT, TRENDING_LEVEL: TRENDING, NEW_LEVEL: NEW}
_HISTORY_LIMIT = 500  # the most recent purchases that may speak: bounds the time of one answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The scalars of the blend, as serving needs them, and the moment the snapshot knows up to."""

    as_of_us: int
    method: str
    half_life_days: float | None
    repeat_half_life_days: float | None
    scale: float
    popularity_weight: float
    repeat_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecommenderSnapshot:
    """All vectors have shape (items,), in the order of `items`; weights have shape (items, K); segment scores (segments, items)."""

    items: Texts
    neighbours: Codes
    weights: NDArray[np.float32]
    lift: Floats
    popular: Floats
    trending: Floats
    newness: Longs
    segments: tuple[str, ...]
    segment_scores: NDArray[np.float32]
    settings: Settings
    content_sha256: str = ""
    _index: Mapping[str, int] = field(init=False, repr=False, compare=False)
    _keys: Sequence[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys = self.items.tolist()
        object.__setattr__(self, "_keys", keys)
        object.__setattr__(self, "_index", {item: code for code, item in enumerate(keys)})

    @property
    def as_of_us(self) -> int:
        """The moment up to which the snapshot has seen data."""
        return self.settings.as_of_us

    def knows(self, item: str) -> bool:
        """Whether the item can be recommended at all."""
        return item in self._index

    def recommend(
        self,
        history: Sequence[tuple[str, int]],
        *,
        now_us: int,
        k: int,
        blocked: Collection[str],
        cart: Sequence[str] = (),
        segment: str | None = None,
    ) -> Recommendation:
        """The best k items that are neither blocked nor in the cart, with their reasons.

        `history` holds (item, time) of each purchase, in any order; whoever wants only new items puts the owned ones in `blocked`.
        """
        allowed = allowed_items(len(self._keys), self._codes(blocked), self._codes(cart))
        evidence = self._evidence(history, cart, now_us)
        stages = self._stages(evidence, segment)
        choice = choose(stages, allowed, k)
        personal = [
            code
            for code, stage in zip(choice.codes, choice.stages, strict=True)
            if stages[stage].level == PERSONAL_LEVEL
        ]
        reasons = explain_personal(evidence, personal, self._keys) if evidence else {}
        shown = tuple(
            ScoredItem(
                self._keys[code], float(stages[stage].scores[code]), reasons.get(code) or _plain(stages[stage].level)
            )
            for code, stage in zip(choice.codes, choice.stages, strict=True)
        )
        level = stages[choice.stages[0]].level if shown else NEW_LEVEL
        return Recommendation(items=shown, level=level, shortfall=choice.shortfall)

    def save(self, folder: Path) -> str:
        """Writes the snapshot as a new folder and returns its content hash."""
        return write_archive(folder, kind=KIND, arrays=self._arrays(), document=self._document())

    @classmethod
    def load(cls, folder: Path) -> RecommenderSnapshot:
        """The snapshot of a folder; a damaged or foreign one is refused."""
        arrays, document, digest = read_archive(folder, kind=KIND)
        return cls(
            **arrays,
            segments=tuple(document["segments"]),
            settings=Settings(**document["settings"]),
            content_sha256=digest,
        )

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in _ARRAYS}

    def _document(self) -> dict[str, Any]:
        settings = {name: getattr(self.settings, name) for name in Settings.__slots__}
        return {"segments": list(self.segments), "settings": settings}

    def _codes(self, items: Iterable[str]) -> list[int]:
        index = self._index
        return [index[item] for item in items if item in index]

    def _evidence(self, history: Sequence[tuple[str, int]], cart: Sequence[str], now_us: int) -> Evidence | None:
        """What is known of the customer, or None."""
        known = [(at_us, self._index[item]) for item, at_us in history if item in self._index]
        in_cart = list(dict.fromkeys(self._codes(cart)))
        if not known and not in_cart:
            return None
        known.sort()
        recent = known[-_HISTORY_LIMIT:]
        at_us = np.array([at for at, _ in recent], dtype=np.int64)
        codes = np.array([code for _, code in recent], dtype=np.int64)
        last = {code: at for at, code in recent}
        for code in in_cart:
            last[code] = now_us
        sources = np.fromiter(last, dtype=np.int64, count=len(last))
        ages = now_us - np.fromiter(last.values(), dtype=np.int64, count=len(last))
        settings = self.settings
        faded = decay(ages, settings.half_life_days)
        repeats = np.zeros(len(self._keys))
        np.add.at(repeats, codes, decay(now_us - at_us, settings.repeat_half_life_days))
        return Evidence(
            sources=sources,
            in_cart=frozenset(in_cart),
            targets=self.neighbours[sources],
            parts=self.weights[sources] * faded[:, None],
            lift=self.lift,
            repeats=repeats * (settings.repeat_weight * settings.scale),
            shared=self.popular * (settings.popularity_weight * settings.scale),
        )

    def _stages(self, evidence: Evidence | None, segment: str | None) -> list[Stage]:
        stages = []
        if evidence is not None:
            own = evidence.own()
            stages.append(Stage(PERSONAL_LEVEL, own + evidence.shared, own > 0))
        if segment is not None and segment in self.segments:
            scores = self.segment_scores[self.segments.index(segment)]
            stages.append(Stage(SEGMENT_LEVEL, scores, scores > 0))
        stages.append(Stage(TRENDING_LEVEL, self.trending, self.trending > 0))
        stages.append(Stage(NEW_LEVEL, self.newness.astype(np.float64)))
        return stages


_ARRAYS = ("items", "neighbours", "weights", "lift", "popular", "trending", "newness", "segment_scores")


def _plain(level: str) -> tuple[Reason, ...]:
    return (Reason(_PLAIN_REASON.get(level, TRENDING), None, 1.0),)
