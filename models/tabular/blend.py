"""Rung 4: a bending logistic regression and boosted trees of the depth that suits, mixed in log-odds by what inner folds show.

The penalty, the depth and number of trees, and the shares of both are chosen on rows that the fit has not seen; then both are fitted anew
on all rows. The shares are drawn to the regression, whose columns act each on its own and which has fewer ways to be wrong: trees must show
that they know more. A sum of additive models is additive, so contributions stay exact (stacking: Wolpert 1992, Breiman 1996).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from scipy.optimize import minimize

from models.tabular.bent_logistic import BentLogistic, fit_bent_logistic
from models.tabular.boosted import Boosted, BoostedSettings, fit_boosted
from models.tabular.contract import from_log_odds
from models.tabular.grow import grow_trees
from models.tabular.table import TableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.tabular.contract import Arrays, Document, Rung
    from models.tabular.table import Examples, Flags, Floats

_RIDGE = 20.0
"""How strongly the shares are drawn to the regression alone, in units of log loss summed over rows: a few hundred rows barely move them."""
_MEMBERS = {"bent logistic regression": BentLogistic, "boosted trees": Boosted}

TREES = {
    "pairs": BoostedSettings(trees=1200, depth=2, leaves=4, rate=0.04, columns=0.3, rows=0.7, bags=3),
    "shallow": BoostedSettings(trees=1000, depth=3, leaves=8, rate=0.03, columns=0.3, rows=0.6, bags=3),
    "deep": BoostedSettings(trees=800, depth=8, leaves=31, rate=0.03, columns=0.7, rows=0.7, bags=3),
}
"""Trees by depth, of which one is taken; `trees` is the most that may be grown. Two columns, three columns, and whatever interacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlendConfig:
    """Inner folds, penalties and trees to try, the most rows that choices are made on, and the most that are fitted in the end."""

    folds: int = 4
    penalties: tuple[float, ...] = (0.01, 0.1, 1.0)
    trees: tuple[BoostedSettings, ...] = tuple(TREES.values())
    most_choosing_rows: int = 20_000
    most_rows: int = 200_000
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """`score = base + sum of weight * (member's score - member's base)`."""

    members: tuple[Rung, ...]
    weights: Floats
    base: float
    how: str = ""
    name: ClassVar[str] = "tuned blend"
    number: ClassVar[int] = 4

    def score(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        total = np.full(values.shape[0], self.base)
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            total += weight * (member.score(values) - member.base)
        return total

    def probability(self, values: Floats) -> Floats:
        """Shape (rows,)."""
        return from_log_odds(self.score(values))

    def contributions(self, values: Floats) -> Floats:
        """Shape (rows, columns): the members' contributions, weighted."""
        total = np.zeros(values.shape)
        for weight, member in zip(self.weights.tolist(), self.members, strict=True):
            total += weight * member.contributions(values)
        return total

    def parts(self) -> tuple[Arrays, Document]:
        """The members' parts under their numbers."""
        arrays: dict[str, NDArray[np.generic]] = {"weights": self.weights}
        documents = []
        for number, member in enumerate(self.members):
            own, document = member.parts()
            arrays |= {f"{number}.{name}": array for name, array in own.items()}
            documents.append({"name": member.name, **document})
        return arrays, {"base": self.base, "how": self.how, "members": documents}

    @classmethod
    def from_parts(cls, arrays: Arrays, document: Document) -> Blend:
        """The rung that `parts` took apart."""
        members = []
        for number, part in enumerate(document["members"]):
            own = {
                name.removeprefix(f"{number}."): value
                for name, value in arrays.items()
                if name.startswith(f"{number}.")
            }
            member: Rung = _MEMBERS[part["name"]].from_parts(own, part)  # type: ignore[attr-defined]  # (each member has it)
            members.append(member)
        return cls(tuple(members), arrays["weights"], float(document["base"]), str(document["how"]))


@dataclass(frozen=True, slots=True, eq=False)
class _Member:
    """One member chosen: how it is fitted, what it said about rows it had not seen, and its words for the card."""

    fit: Callable[[Examples], Rung]
    unseen: Floats = field(repr=False)
    words: str


def fit_blend(examples: Examples, *, config: BlendConfig | None = None) -> Blend:
    """Choose on inner folds, fit on all rows; needs at least `folds` cases of each outcome. A function of rows and configuration."""
    chosen = config or BlendConfig()
    if examples.rarer < chosen.folds:
        raise TableError("each inner fold needs a case of both outcomes", cases=examples.rarer, folds=chosen.folds)
    rng = np.random.default_rng(chosen.seed)
    examples = _sampled(examples, chosen.most_rows, rng)
    sample = _sampled(examples, chosen.most_choosing_rows, rng)
    fold = _folds(sample.label, chosen.folds, rng)
    grown = [_trees(sample, fold, one, chosen.seed) for one in chosen.trees]
    suiting = min(grown, key=lambda member: _loss(sample.label, member.unseen))
    members = [_linear(sample, fold, chosen), suiting]
    weights, shift = _mix(sample.label, np.column_stack([member.unseen for member in members]))
    kept = np.flatnonzero(weights > 0.02)
    fitted = tuple(members[place].fit(examples) for place in kept.tolist())
    base = shift + float(sum(w * one.base for w, one in zip(weights[kept].tolist(), fitted, strict=True)))
    how = ", ".join(f"{weights[place]:.2f} of {members[place].words}" for place in kept.tolist())
    return Blend(members=fitted, weights=weights[kept], base=base, how=how)


def _sampled(examples: Examples, most: int, rng: np.random.Generator) -> Examples:
    """At most so many rows, drawn without replacement and kept in their order."""
    if len(examples) <= most:
        return examples
    return examples.take(np.sort(rng.permutation(len(examples))[:most]))


def _folds(label: Flags, folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row, both outcomes shared out evenly."""
    fold = np.empty(label.size, dtype=np.int64)
    for outcome in (True, False):
        rows = np.flatnonzero(label == outcome)
        fold[rows] = rng.permutation(rows.size) % folds
    return fold


def _linear(examples: Examples, fold: NDArray[np.int64], config: BlendConfig) -> _Member:
    """The penalty of least log loss on unseen rows."""
    best: tuple[float, float, Floats] | None = None
    for penalty_c in config.penalties:
        unseen = np.empty(len(examples))
        for number in range(config.folds):
            here = fold == number
            fitted = fit_bent_logistic(examples.take(~here), penalty_c=penalty_c)
            unseen[here] = fitted.score(examples.table.values[here])
        loss = _loss(examples.label, unseen)
        if best is None or loss < best[0]:
            best = (loss, penalty_c, unseen)
    if best is None:
        raise TableError("a blend needs a penalty to try")
    _, penalty, found = best
    return _Member(lambda rows: fit_bent_logistic(rows, penalty_c=penalty), found, f"bent logistic (C {penalty:g})")


def _trees(examples: Examples, fold: NDArray[np.int64], most: BoostedSettings, seed: int) -> _Member:
    """As many trees as unseen rows ask for."""
    count, unseen = grow_trees(examples, fold, most, seed=seed)
    settings = replace(most, trees=count)
    words = f"{count} trees of {most.leaves} leaves"
    return _Member(lambda rows: fit_boosted(rows, settings=settings, seed=seed), unseen, words)


def _mix(label: Flags, scores: Floats) -> tuple[Floats, float]:
    """Weights (at least 0) and a shift of least log loss, drawn to the first score alone."""
    target = label.astype(np.float64)
    prior = np.zeros(scores.shape[1])
    prior[0] = 1.0

    def loss(point: Floats) -> tuple[float, Floats]:
        weights, shift = point[:-1], point[-1]
        raw = scores @ weights + shift
        error = 1 / (1 + np.exp(-np.clip(raw, -40, 40))) - target
        pull = weights - prior
        value = np.logaddexp(0, raw).sum() - (target * raw).sum() + _RIDGE * ((pull**2).sum() + shift**2)
        slope = np.append(scores.T @ error + 2 * _RIDGE * pull, error.sum() + 2 * _RIDGE * shift)
        return float(value), slope

    start = np.append(prior, 0.0)
    bounds = [(0.0, 2.0)] * scores.shape[1] + [(-5.0, 5.0)]
    found = np.asarray(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).x)
    return found[:-1], float(found[-1])


def _loss(label: Flags, score: Floats) -> float:
    return float((np.logaddexp(0, score) - label * score).mean())
