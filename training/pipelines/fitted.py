"""The stage that holds fitted models: what the ladder chose, the best rule beside it, and the report, written and read back the same."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from billing.kernel.errors import UptierError
from models.metrics.interval import Interval
from models.tabular.ladder import LadderReport, RungResult
from models.tabular.model import TabularModel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from models.tabular.explained import ExplainedModel
    from training.stages import Stages

_MODEL, _FLOOR, _REPORT = "model", "floor", "report.json"
_TROUBLE = (OSError, ValueError, KeyError, TypeError, UptierError)


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit ends in."""

    model: ExplainedModel
    report: LadderReport


def keep_fitted(stages: Stages, name: str, fitted: Fitted, load: Callable[[Any], ExplainedModel]) -> None:
    """Keep the stage; one that would not come back as it went is not kept, since a run must not go on with something else."""
    stages.keep(name, lambda folder: _write(folder, fitted))
    back = find_fitted(stages, name, load)
    if back is not None and replace(back.report, floor=fitted.report.floor) != fitted.report:
        stages.drop(name)


def find_fitted(stages: Stages, name: str, load: Callable[[Any], ExplainedModel]) -> Fitted | None:
    """The stage that was kept, or None; one that cannot be read is forgotten."""
    folder = stages.find(name)
    if folder is None:
        return None
    try:
        document = json.loads((folder / _REPORT).read_text(encoding="utf-8"))
        report = _report(document, TabularModel.load(folder / _FLOOR))
        return Fitted(load(folder / _MODEL), report)
    except _TROUBLE:
        stages.drop(name)
        return None


def _write(folder: Path, fitted: Fitted) -> None:
    fitted.model.save(folder / _MODEL)
    fitted.report.floor.save(folder / _FLOOR)
    document = {name: value for name, value in _plain(replace(fitted.report)).items() if name != "floor"}
    (folder / _REPORT).write_text(json.dumps(document), encoding="utf-8")


def _plain(value: Any) -> Any:
    """Nested dataclasses as dictionaries, models left out."""
    if isinstance(value, TabularModel):
        return None
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    return value


def _report(document: Mapping[str, Any], floor: TabularModel) -> LadderReport:
    results = tuple(
        RungResult(**{**one, "lead": None if one["lead"] is None else Interval(**one["lead"])})
        for one in document["results"]
    )
    return LadderReport(**{**document, "results": results, "floor": floor})
