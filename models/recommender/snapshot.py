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
from models.recommender.choose import Choice, Stage, allowed_items, choose
from models.recommender.interactions import Codes, Flags, Floats, Longs, Texts, decay
from models.recommender.options import Options, Tilts
from models.recommender.ranker.serve import REORDER, Ranked, ServedRanker
from models.recommender.reasons import Evidence, explain_personal
from models.recommender.recommendation import (
    NEW,
    NEW_LEVEL,
    PERSONAL_LEVEL,
    POPULAR_IN_SEGMENT,
    RANKED_LEVEL,
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
    ranker: ServedRanker | None = None
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

    @property
    def keys(self) -> Sequence[str]:
        """Every item that could ever be recommended, in order of code."""
        return self._keys

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
        options: Options | None = None,
    ) -> Recommendation:
        """The best k items that are neither blocked nor in the cart, with their reasons.

        `history` holds (item, time) of each purchase, in any order; whoever wants only new items puts the owned ones in `blocked`.
        """
        wish = options or Options()
        allowed = allowed_items(len(self._keys), self._codes(blocked), self._codes(cart))
        if wish.target == REORDER:
            allowed &= ~allowed_items(len(self._keys), self._codes(item for item, _ in history))
        tilts = Tilts.of(wish, self._index, len(self._keys))
        ranked = self._ranked(history, cart, now_us, allowed=allowed, wish=wish, tilt=tilts.both)
        is_enough = ranked is not None and ranked.codes.size >= k  # then no other level can be asked
        evidence = None if is_enough else self._evidence(history, cart, now_us)
        stages = self._stages(evidence, segment, ranked, tilts)
        choice = choose(stages, allowed, k, wish.quota.over(self._index) if wish.quota else None)
        reasons = self._reasons(stages, choice, evidence, ranked, tilts)
        shown = tuple(
            ScoredItem(
                self._keys[code],
                float(stages[stage].scores[code]),
                reasons.get(code) or _plain(stages[stage].level),
                None if ranked is None or stages[stage].level != RANKED_LEVEL else ranked.chance_of(code),
            )
            for code, stage in zip(choice.codes, choice.stages, strict=True)
        )
        level = stages[choice.stages[0]].level if shown else NEW_LEVEL
        return Recommendation(
            items=shown,
            level=PERSONAL_LEVEL if level == RANKED_LEVEL else level,
            shortfall=choice.shortfall,
            is_ranked=level == RANKED_LEVEL,
        )

    def _ranked(
        self,
        history: Sequence[tuple[str, int]],
        cart: Sequence[str],
        now_us: int,
        *,
        allowed: Flags,
        wish: Options,
        tilt: Floats | None,
    ) -> Ranked | None:
        """The ranker's order where there is one, something is known of the customer, and the caller does not ask for the control."""
        if self.ranker is None or not wish.use_ranker:
            return None
        known = sorted(
            (at_us, self._index[item])
            for item, at_us in history
            if self._index.get(item, self.ranker.size) < self.ranker.size
        )
        in_cart = [code for code in dict.fromkeys(self._codes(cart)) if code < self.ranker.size]
        if not known and not in_cart:
            return None
        recent = known[-_HISTORY_LIMIT:]
        return self.ranker.rank(
            np.array([code for _, code in recent], dtype=np.int64),
            np.array([at_us for at_us, _ in recent], dtype=np.int64),
            now_us=now_us,
            allowed=allowed[: self.ranker.size],
            target=wish.target,
            cart=in_cart,
            tilt=tilt,
        )

    def _reasons(
        self,
        stages: Sequence[Stage],
        choice: Choice,
        evidence: Evidence | None,
        ranked: Ranked | None,
        tilts: Tilts,
    ) -> dict[int, tuple[Reason, ...]]:
        """The reasons of what was chosen on a personal level."""
        chosen: dict[str, list[int]] = {RANKED_LEVEL: [], PERSONAL_LEVEL: []}
        for code, stage in zip(choice.codes, choice.stages, strict=True):
            chosen.setdefault(stages[stage].level, []).append(code)
        found = explain_personal(evidence, chosen[PERSONAL_LEVEL], self._keys) if evidence else {}
        if ranked is not None and self.ranker is not None:
            found |= self.ranker.explain(ranked, chosen[RANKED_LEVEL], self._keys, tilts.liked)
        return found

    def candidates_for(self, history: Sequence[tuple[str, int]], *, now_us: int) -> int:
        """How many items the ranker would order for a customer who asks for new ones."""
        allowed = allowed_items(len(self._keys))
        ranked = self._ranked(history, (), now_us, allowed=allowed, wish=Options(), tilt=None)
        return 0 if ranked is None else int(ranked.codes.size)

    def save(self, folder: Path) -> str:
        """Writes the snapshot as a new folder and returns its content hash."""
        arrays, document = self._arrays(), self._document()
        if self.ranker is not None:
            more, kept = self.ranker.parts_to_keep()
            arrays, document = arrays | more, document | {"ranker": kept}
        return write_archive(folder, kind=KIND, arrays=arrays, document=document)

    @classmethod
    def load(cls, folder: Path) -> RecommenderSnapshot:
        """The snapshot of a folder; a damaged or foreign one is refused."""
        arrays, document, digest = read_archive(folder, kind=KIND)
        kept = document.get("ranker")
        return cls(
            **{name: arrays[name] for name in _ARRAYS},
            ranker=ServedRanker.from_kept(arrays, kept) if kept else None,
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

    def _stages(
        self, evidence: Evidence | None, segment: str | None, ranked: Ranked | None, tilts: Tilts
    ) -> list[Stage]:
        stages = []
        if ranked is not None and ranked.codes.size:
            scores, candidates = np.full(len(self._keys), -np.inf), np.zeros(len(self._keys), dtype=np.bool_)
            scores[ranked.codes], candidates[ranked.codes] = ranked.scores, True
            stages.append(Stage(RANKED_LEVEL, scores, candidates))
        if evidence is not None:
            own = evidence.own()
            stages.append(Stage(PERSONAL_LEVEL, tilts.scale(own + evidence.shared), own > 0))
        if segment is not None and segment in self.segments:
            heat = self.segment_scores[self.segments.index(segment)].astype(np.float64)
            stages.append(Stage(SEGMENT_LEVEL, tilts.scale(heat), heat > 0))
        stages.append(Stage(TRENDING_LEVEL, tilts.scale(self.trending), self.trending > 0))
        stages.append(Stage(NEW_LEVEL, self.newness.astype(np.float64)))
        return stages


_ARRAYS = ("items", "neighbours", "weights", "lift", "popular", "trending", "newness", "segment_scores")


def _plain(level: str) -> tuple[Reason, ...]:
    return (Reason(_PLAIN_REASON.get(level, TRENDING), None, 1.0),)
