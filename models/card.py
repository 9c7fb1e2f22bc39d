"""The card of a model version: what it was fitted on, how good it is beside what, what it must not be used for, and why it may serve.

Plain values only, so a card reads the same in a registry, an MLflow run and on a page. Metrics carry their interval; moments are UTC.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import InvalidError
from models.metrics.interval import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping

_MOMENTS = ("as_of", "window_start", "window_end")
_INTERVALS = ("metrics", "baselines")
_LISTS = ("features", "limits", "requirements", "calibration")


class CardError(InvalidError):
    """The text is not a model card."""

    code = "invalid_model_card"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """`version` is empty until a registry names it; the window [start, end) is the data's; `rung` is empty where there is no ladder.

    `snapshot` is the manifest of the rows that were learned from, `requirements` the exact versions of the libraries, `calibration` the
    bins of promised and found rates, `reference` how features and scores lay, for whoever watches the model later.
    """

    tenant: str
    task: str
    version: str = ""
    as_of: datetime
    window_start: datetime
    window_end: datetime
    data_hash: str
    rows: int
    features: tuple[str, ...]
    rung: str = ""
    metrics: Mapping[str, Interval]
    baselines: Mapping[str, Interval] = field(default_factory=dict)
    seed: int = 0
    limits: tuple[str, ...] = ()
    gate: Mapping[str, Any] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    snapshot: Mapping[str, Any] = field(default_factory=dict)
    requirements: tuple[str, ...] = ()
    calibration: tuple[Mapping[str, float], ...] = ()
    reference: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _MOMENTS:
            if getattr(self, name).utcoffset() is None:
                raise CardError("a card's moments carry their time zone", field=name)

    def to_document(self) -> dict[str, Any]:
        """The card as JSON values."""
        found: dict[str, Any] = {name: getattr(self, name) for name in self.__slots__}
        found |= {name: getattr(self, name).astimezone(UTC).isoformat() for name in _MOMENTS}
        found |= {name: {key: _bounds(value) for key, value in found[name].items()} for name in _INTERVALS}
        return found | {name: list(getattr(self, name)) for name in _LISTS}

    def to_json(self) -> str:
        """The card as a JSON text with sorted keys; equal cards give equal texts."""
        return json.dumps(self.to_document(), indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """The card that `to_json` wrote; unknown fields are an error, since a reader must not lose what a writer said."""
        try:
            found = json.loads(text)
            found |= {name: datetime.fromisoformat(found[name]) for name in _MOMENTS}
            found |= {name: {key: Interval(**value) for key, value in found[name].items()} for name in _INTERVALS}
            found |= {name: tuple(found[name]) for name in _LISTS if name in found}
            return cls(**found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CardError("the model card cannot be read", cause=str(error)) from error


def _bounds(value: Interval) -> dict[str, float]:
    return {"mean": value.mean, "low": value.low, "high": value.high}
