"""Reports as JSON or as CSV: the same rows, by the same names."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Query
from fastapi.responses import JSONResponse, Response

from features.exports.formats import tame

if TYPE_CHECKING:
    from collections.abc import Sequence

Format = Annotated[Literal["json", "csv"], Query(alias="format")]


def report(name: str, rows: Sequence[dict[str, Any]], file_format: str, **around: object) -> Response:
    """Rows of one shape as `{"items": [...]}` with what else the report says, or as a CSV file; money is split into two columns there."""
    if file_format == "json":
        return JSONResponse({**around, "items": list(rows)})
    text = io.StringIO()
    flat = [_flat(row) for row in rows]
    writer = csv.DictWriter(text, list(flat[0]) if flat else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _flat(row: dict[str, Any]) -> dict[str, str]:
    """Amounts stand in a column of their own name; rows of money say their currency once."""
    cells: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            cells[name] = str(value["amount"])
        else:
            cells[name] = "" if value is None else tame(str(value))
    return cells
