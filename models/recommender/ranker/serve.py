"""The ranker in a server: one customer's lines in, candidates in order with scores, chances and reasons out; arrays only, no clock.

The features come from the same functions that made the training examples. Nothing outside `allowed` is ever a candidate. A tilt (margin,
taste) is in log-odds, bounded by the caller, and moves the order by what it would move the chance; without one, relevance alone orders.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.contract import Histories
from models.recommender.evaluate import ANY, NEW
from models.recommender.item_weights import ItemWeights
from models.recommender.ranker.addon import ADDON
from models.recommender.ranker.heads import Head, head_from_texts
from models.recommender.ranker.knowledge import Knowledge
from models.recommender.ranker.pairs import FEATURES, FOR_BASKETS, FOR_CUSTOMERS, candidate_pairs, features
from models.recommender.ranker.paths import LeafSteps, leaf_steps
from models.recommender.ranker.reading import read
from models.recommender.ranker.told import GROUP_OF, GROUPS, reasons_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.recommender.interactions import Flags, Floats, Longs
    from models.recommender.ranker.fit import FittedRanker
    from models.recommender.recommendation import Reason

REORDER = "reorder"
_RELATIONS = ("fading", "steady", "baskets", "names")
_VECTORS = ("factors", "fold_in", "items")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranked:
    """One customer's candidates: item codes with scores (tilt included) and chances, and what reasons are made of."""

    codes: NDArray[np.int64]
    scores: Floats
    chances: Floats
    table: NDArray[np.float32]
    leaves: tuple[NDArray[np.int64], ...]
    sources: NDArray[np.int64]
    in_cart: frozenset[int]
    task: str
    is_calibrated: bool

    def chance_of(self, code: int) -> float | None:
        """The chance of one candidate, None where chances were held against nothing."""
        if not self.is_calibrated:
            return None
        return float(self.chances[np.flatnonzero(self.codes == code)[0]])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServedRanker:
    """Knowledge with heads, and the steps of their trees for reasons."""

    knowledge: Knowledge
    heads: Mapping[str, Head]
    _steps: dict[str, tuple[LeafSteps, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        steps = {
            task: tuple(leaf_steps(booster, GROUP_OF, len(GROUPS)) for booster in head.boosters)
            for task, head in self.heads.items()
        }
        object.__setattr__(self, "_steps", steps)

    @classmethod
    def of(cls, fitted: FittedRanker) -> ServedRanker:
        """A fitted ranker as it is served."""
        return cls(knowledge=fitted.knowledge, heads=fitted.heads)

    @property
    def size(self) -> int:
        """How many items it knows: the first codes of its snapshot."""
        return self.knowledge.size

    def rank(
        self,
        codes: NDArray[np.int64],
        at_us: Longs,
        *,
        now_us: int,
        allowed: Flags,
        target: str,
        cart: Sequence[int] = (),
        tilt: Floats | None = None,
    ) -> Ranked:
        """Order the allowed candidates for a customer who took `codes` at `at_us`; `target` is new, any, reorder or addon.

        What is in the cart counts as taken now. `allowed` and `tilt` have shape (items,).
        """
        cart_codes = np.asarray(cart, dtype=np.int64)
        lines = _lines(np.r_[codes, cart_codes], np.r_[at_us, np.full(cart_codes.size, now_us)])
        histories = Histories(
            customers=1,
            items=self.size,
            row=np.zeros(lines[0].size, dtype=np.int32),
            col=lines[0].astype(np.int32),
            at_us=lines[1],
            as_of_us=max(now_us, int(lines[1].max(initial=0))),
        )
        reading = read(self.knowledge, histories)
        task = target if target in self.heads else ANY
        budgets = FOR_BASKETS if task == ADDON else FOR_CUSTOMERS
        row, col = candidate_pairs(self.knowledge, reading, allowed[None], with_owned=target != NEW, budgets=budgets)
        table = features(self.knowledge, reading, row, col)
        if target == REORDER:
            owned, _ = reading.owned_of(col)
            col, table = col[owned], table[owned]
        head = self.heads[task]
        leaves = [step.leaves(booster, table) for step, booster in zip(self._steps[task], head.boosters, strict=True)]
        raw = [step.score(found) for step, found in zip(self._steps[task], leaves, strict=True)]
        scores, chances = head.together(raw), head.chance(raw[-1])
        if tilt is not None:
            scores = scores + self._moved(task) * tilt[col]
        sources = np.unique(lines[0])
        return Ranked(
            codes=col,
            scores=scores,
            chances=chances,
            table=table,
            leaves=tuple(leaves),
            sources=sources,
            in_cart=frozenset(cart_codes.tolist()),
            task=task,
            is_calibrated=head.is_calibrated,
        )

    def explain(
        self, ranked: Ranked, shown: Sequence[int], keys: Sequence[str], liked: Floats | None = None
    ) -> dict[int, tuple[Reason, ...]]:
        """The reasons of the shown item codes that are candidates; `liked` (items,) is the part of the tilt that is their taste."""
        if not shown:
            return {}
        place = {code: at for at, code in enumerate(ranked.codes.tolist())}
        chosen = np.array([code for code in shown if code in place], dtype=np.int64)
        rows = [place[code] for code in chosen.tolist()]
        taste = np.zeros(chosen.size) if liked is None else liked[chosen] * self._moved(ranked.task)
        return reasons_of(
            self.knowledge,
            keys,
            codes=chosen,
            parts=self.parts(ranked.task, [leaves[rows] for leaves in ranked.leaves]),
            sources=ranked.sources,
            in_cart=ranked.in_cart,
            liked=taste,
        )

    def parts(self, task: str, leaves: Sequence[NDArray[np.int64]]) -> Floats:
        """Shape (pairs, len(GROUPS)): what each group adds to the score; with `base` they are the score."""
        return self.heads[task].together([step.explain(at) for step, at in zip(self._steps[task], leaves, strict=True)])

    def base(self, task: str) -> float:
        """What every pair's score starts from."""
        head, steps = self.heads[task], self._steps[task]
        return sum(step.root / scale for step, scale in zip(steps, head.scales, strict=True)) / len(steps)

    def _moved(self, task: str) -> float:
        """How far one unit of log-odds moves a score: as it does in the booster of chances."""
        head = self.heads[task]
        return 1.0 / (max(head.platt[0], 0.1) * head.scales[-1] * len(head.scales))

    def parts_to_keep(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and a document, for an archive."""
        known = self.knowledge
        arrays: dict[str, NDArray[Any]] = {f"ranker_{name}": getattr(known, name) for name in _VECTORS}
        for name in _RELATIONS:
            arrays[f"ranker_{name}_neighbours"] = getattr(known, name).neighbours
            arrays[f"ranker_{name}_weights"] = getattr(known, name).weights
        heads = {
            task: {"texts": list(head.texts), "scales": list(head.scales), "platt": list(head.platt)}
            for task, head in self.heads.items()
        }
        methods = {name: getattr(known, name).method for name in _RELATIONS}
        document = {
            "as_of_us": known.as_of_us,
            "fading_half_life_days": known.fading_half_life_days,
            "heads": heads,
            "methods": methods,
            "features": list(FEATURES),
        }
        return arrays, document

    @classmethod
    def from_kept(cls, arrays: Mapping[str, NDArray[Any]], document: Mapping[str, Any]) -> ServedRanker | None:
        """The ranker that was kept; None where its features are not the ones this release computes."""
        if tuple(document["features"]) != FEATURES:
            return None
        relations = {
            name: ItemWeights(
                document["methods"][name], arrays[f"ranker_{name}_neighbours"], arrays[f"ranker_{name}_weights"]
            )
            for name in _RELATIONS
        }
        knowledge = Knowledge(
            as_of_us=int(document["as_of_us"]),
            fading_half_life_days=float(document["fading_half_life_days"]),
            **relations,  # type: ignore[arg-type] # (named by _RELATIONS)
            **{name: arrays[f"ranker_{name}"] for name in _VECTORS},  # type: ignore[arg-type] # (named by _VECTORS)
        )
        heads = {
            task: head_from_texts(kept["texts"], kept["scales"], kept["platt"])
            for task, kept in document["heads"].items()
        }
        return cls(knowledge=knowledge, heads=heads)


def _lines(codes: NDArray[np.int64], at_us: Longs) -> tuple[NDArray[np.int64], Longs]:
    """Each (moment, item) once, as baskets count them."""
    order = np.lexsort((codes, at_us))
    codes, at_us = codes[order], at_us[order]
    first = np.ones(codes.size, dtype=np.bool_)
    first[1:] = (codes[1:] != codes[:-1]) | (at_us[1:] != at_us[:-1])
    return codes[first], at_us[first]
