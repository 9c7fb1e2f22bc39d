"""A fitted learner as a weighted sum of outcome models, which is what nearly all of them are: it can be kept, and asked again elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.uplift.contract import UpliftError
from models.uplift.outcomes import outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.uplift.contract import FittedUplift
    from models.uplift.outcomes import Floats, Outcome


@dataclass(frozen=True, slots=True, eq=False)
class Combination:
    """`uplift` is the sum of weight times expected outcome, plus an offset."""

    parts: tuple[tuple[float, Outcome], ...]
    offset: float = 0.0

    def uplift(self, features: Floats) -> Floats:
        """Shape (rows,)."""
        found = np.full(len(features), self.offset)
        for weight, model in self.parts:
            found += weight * model.expected(features)
        return found

    def to_document(self) -> dict[str, Any]:
        """Plain values, which `from_document` reads."""
        parts = [{"weight": weight, "model": model.to_document()} for weight, model in self.parts]
        return {"offset": self.offset, "parts": parts}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Combination:
        """What `to_document` took apart."""
        parts = tuple((float(part["weight"]), outcome_of(part["model"])) for part in document["parts"])
        return cls(parts, float(document["offset"]))


def mean_of(fitted: Sequence[FittedUplift]) -> Combination:
    """The mean of fitted learners that are combinations themselves."""
    found: list[tuple[float, Outcome]] = []
    offset = 0.0
    for one in fitted:
        if not isinstance(one, Combination):
            raise UpliftError("a mean is taken of combinations of outcome models", found=type(one).__name__)
        found += [(weight / len(fitted), model) for weight, model in one.parts]
        offset += one.offset / len(fitted)
    return Combination(tuple(found), offset)
