"""What a card keeps of the rows and scores that a model was judged on, so that later ones can be compared with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.watch.drift import Bins, Shift, bin_values, shift_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from models.tabular.table import Examples, FeatureTable


def reference_of(examples: Examples, probability: NDArray[np.float64]) -> dict[str, Any]:
    """The bins of every feature and of the scores, and the rate of the outcome, as JSON values."""
    table = examples.table
    return {
        "features": {
            name: bin_values(table.values[:, number]).to_document() for number, name in enumerate(table.columns)
        },
        "scores": bin_values(probability).to_document(),
        "label_rate": examples.positives / max(len(examples), 1),
        "rows": len(examples),
    }


def shifts_since(
    reference: Mapping[str, Any], table: FeatureTable, probability: NDArray[np.float64]
) -> tuple[Shift, dict[str, Shift]]:
    """How the scores, and each feature that both know, lie now beside then."""
    score = shift_of(Bins.from_document(reference["scores"]), probability)
    known = reference["features"]
    shifts = {
        name: shift_of(Bins.from_document(known[name]), table.values[:, number])
        for number, name in enumerate(table.columns)
        if name in known
    }
    return score, shifts
