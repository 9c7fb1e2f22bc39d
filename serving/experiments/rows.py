"""A report as CSV: one row a metric and arm, the control's too; numbers unrounded, so that nothing is lost on the way to a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLUMNS = (
    "experiment",
    "as_of",
    "role",
    "metric",
    "by",
    "level",
    "arm",
    "units",
    "mean",
    "unit",
    "lift",
    "low",
    "high",
    "p_value",
    "adjusted_p",
    "chance_higher",
    "finding",
    "note",
)
_RISKY = ("=", "+", "-", "@", "\t", "\r")


def to_csv(document: Mapping[str, Any]) -> str:
    """The figures; while they are masked one row with the units of each arm and why."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in _rows(document):
        shown = {name: _cell(value) for name, value in row.items() if name in COLUMNS}
        writer.writerow({"experiment": document["experiment"], "as_of": document["as_of"], **shown})
    return text.getvalue()


def _rows(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if document["is_masked"]:
        for arm, units in document["units"].items():
            yield {"role": "units", "arm": arm, "units": units, "note": document["sentence"]}
        return
    for arm in document.get("read_out", ()):
        yield {"role": "read_out", "metric": document["primary"], **arm}
    for metric in document.get("metrics", ()):
        about = {"role": metric["role"], "metric": metric["key"], "unit": metric["unit"]}
        yield {**about, **metric["control"]}
        for arm in metric["arms"]:
            yield {**about, **arm, "note": arm.get("why", "")}
    for dimension in document.get("segments", ()):
        for level in dimension["levels"]:
            about = {"role": "segment", "metric": document["primary"], "by": dimension["by"]}
            yield {**about, **level, "note": level.get("why", "")}


def _cell(value: object) -> str:
    """Text that a spreadsheet would take for a formula is made harmless; numbers stay what they are."""
    if value is None:
        return ""
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(_RISKY) else text
