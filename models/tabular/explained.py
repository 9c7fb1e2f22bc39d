"""A tabular model that speaks: each score with its reasons in words, largest part first.

What the churn and the propensity model share; they differ in their label, their rule and their words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from models.tabular.model import TabularModel
from models.tabular.phrases import PHRASES, Phrase, describe_feature
from models.tabular.table import TableError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from models.tabular.reasons import FeatureReason
    from models.tabular.table import FeatureTable, Floats


@dataclass(frozen=True, slots=True)
class SpokenReason:
    """`text` is for people; `direction` is `raises` or `lowers`; `weight` is the share of all parts, in (0, 1]."""

    feature: str
    direction: str
    weight: float
    text: str


@dataclass(frozen=True, slots=True)
class ExplainedScore:
    """A probability, why, and which rung of the ladder says so."""

    probability: float
    reasons: tuple[SpokenReason, ...]
    rung: str


@dataclass(frozen=True, slots=True, eq=False)
class ExplainedModel:
    """A model and the words for its features."""

    model: TabularModel
    phrases: tuple[Phrase, ...] = PHRASES
    task: ClassVar[str] = "explained"

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that a score needs."""
        return self.model.columns

    def probability(self, table: FeatureTable) -> Floats:
        """Shape (rows,)."""
        return self.model.probability(table)

    def explain(self, table: FeatureTable, *, top: int = 3) -> list[ExplainedScore]:
        """Every row's probability with its `top` reasons."""
        chosen = table.select(self.model.columns)
        probabilities = self.model.probability(chosen).tolist()
        rows = zip(probabilities, self.model.all_reasons(chosen), chosen.values.tolist(), strict=True)
        return [
            ExplainedScore(
                probability=probability,
                reasons=tuple(self._speak(reason, values) for reason in reasons[:top]),
                rung=self.model.rung_name,
            )
            for probability, reasons, values in rows
        ]

    def explain_one(self, row: FeatureTable, *, top: int = 3) -> ExplainedScore:
        """The one row's probability with its `top` reasons."""
        if len(row) != 1:
            raise TableError("one score is asked of one row", rows=len(row))
        return self.explain(row, top=top)[0]

    def _speak(self, reason: FeatureReason, values: list[float]) -> SpokenReason:
        """A feature of several columns is told by the column that holds, such as the category the customer has."""
        columns = self.model.columns
        if reason.feature in columns:
            text = describe_feature(reason.feature, values[columns.index(reason.feature)], self.phrases)
        else:
            groups = self.model.groups
            held = [c for c, v in zip(columns, values, strict=True) if groups.get(c) == reason.feature and v > 0]
            text = ", ".join(name.replace("=", ": ").replace("_", " ") for name in held) or reason.feature
        return SpokenReason(reason.feature, reason.direction.value, reason.weight, text)

    def save(self, folder: Path) -> str:
        """Writes a new folder and returns its content hash; the words belong to the code, not to the folder."""
        return self.model.save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that was saved."""
        return cls(TabularModel.load(folder))
