"""Reads a table of an experiment as anyone has it: a treatment column with two or more arms, an outcome, and whatever else as features.

Arms are explicit: each treated arm is compared with the control alone, since other arms in the control spoil both. Categories become
indicator columns, other columns numbers with their gaps marked; a column that is one of the table's other outcomes must be left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from billing.kernel.errors import InvalidError, NotFoundError
from models.uplift.contract import Experiment, experiment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_CONTROLS = (
    "0",
    "0.0",
    "false",
    "no",
    "none",
    "control",
    "no e-mail",
    "no email",
    "no_email",
    "no mail",
    "untreated",
    "holdout",
    "placebo",
    "c",
)
_OUTCOMES = frozenset(
    {
        "visit",
        "conversion",
        "spend",
        "exposure",
        "converted",
        "purchase",
        "purchased",
        "response",
        "outcome",
        "target",
        "y",
        "revenue",
    }
)
_MOST_CATEGORIES = 30


class UpliftFileError(InvalidError):
    """The file cannot be read as an experiment."""

    code: ClassVar[str] = "invalid_uplift_file"


class UpliftFileMissingError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "uplift_file_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftFile:
    """The experiment of each treated arm against the control, and how the columns were read."""

    experiments: dict[str, Experiment]
    control: str
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]


def read_uplift(
    path: Path,
    *,
    treatment: str,
    outcome: str,
    control: str = "",
    arms: Sequence[str] = (),
    drop: Sequence[str] = (),
    positive: str = "",
) -> UpliftFile:
    """The experiments of a CSV or Parquet file; an error names what was looked for and what there is."""
    frame = _read(path)
    for name in (treatment, outcome, *drop):
        if name not in frame.columns:
            raise UpliftFileError(f"the file has no column {name!r}", found=[str(each) for each in frame.columns][:40])
    given = frame[treatment]
    arm = given.where(given.notna(), "").astype(str).str.strip()
    if pd.api.types.is_float_dtype(given.dtype):
        arm = arm.str.replace(r"\.0$", "", regex=True)
    base = _control(arm, control)
    wanted = _arms(arm, base, arms)
    result, note = _outcome(frame[outcome], positive)
    guessed = [
        str(name) for name in frame.columns if str(name).lower() in _OUTCOMES and name not in (treatment, outcome)
    ]
    left_out = list(dict.fromkeys([*drop, *guessed]))
    features = frame.drop(columns=[treatment, outcome, *left_out])
    ids = [str(name) for name in features.columns if _is_id(features[name])]
    table = _numbers(features.drop(columns=ids))
    if table.shape[1] == 0:
        raise UpliftFileError("no column is left to tell customers apart by", left_out=[*left_out, *ids])
    usable = np.isfinite(result) & (arm != "").to_numpy(dtype=np.bool_)
    experiments = {}
    for name in wanted:
        rows = usable & arm.isin([base, name]).to_numpy(dtype=np.bool_)
        experiments[name] = experiment(
            table.to_numpy(dtype=np.float64)[rows], (arm == name).to_numpy()[rows], result[rows]
        )
    notes = [note] if note else []
    if (~usable).any():
        notes.append(f"{int((~usable).sum()):,} rows without an arm or an outcome are left out")
    return UpliftFile(
        experiments=experiments,
        control=base,
        columns=tuple(str(name) for name in table.columns),
        left_out=(*left_out, *ids),
        notes=tuple(notes),
    )


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UpliftFileMissingError(f"there is no file {path}", path=str(path))
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        with path.open(encoding="utf-8", errors="replace") as file:
            head = "" if path.suffix == ".gz" else file.readline()
        return pd.read_csv(
            path, sep=max(",;\t|", key=head.count) if head else ",", keep_default_na=True, na_values=[""]
        )
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise UpliftFileError(f"{path.name} cannot be read as CSV or Parquet: {error}", path=str(path)) from error


def _control(arm: pd.Series, told: str) -> str:
    values = [value for value in arm.unique().tolist() if value]
    if told:
        if told not in values:
            raise UpliftFileError(f"no row has the control {told!r}", arms=sorted(values)[:20])
        return told
    likely = [value for value in values if value.lower() in _CONTROLS]
    if len(likely) != 1:
        raise UpliftFileError("which arm is the control? Name it with --control", arms=sorted(values)[:20])
    return str(likely[0])


def _arms(arm: pd.Series, control: str, told: Sequence[str]) -> list[str]:
    values = sorted(value for value in arm.unique().tolist() if value and value != control)
    missing = [name for name in told if name not in values]
    if missing or not values:
        raise UpliftFileError(f"no row has the arm {', '.join(missing) or 'of a treatment'}", arms=values[:20])
    if not told and len(values) > 10:
        raise UpliftFileError(
            "the treatment has more than ten arms; name those to compare with --arm", arms=values[:20]
        )
    return list(told) or values


def _outcome(column: pd.Series, positive: str) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], str]:
    if positive:
        text = column.astype(str).str.strip()
        if not (text == positive).any():
            raise UpliftFileError(f"no row has the outcome {positive!r}", found=sorted(text.unique().tolist())[:20])
        return (text == positive).to_numpy(dtype=np.float64), ""
    numbers = pd.to_numeric(column, errors="coerce")
    if numbers.notna().sum() >= 0.5 * column.notna().sum() and numbers.notna().any():
        return numbers.to_numpy(dtype=np.float64, na_value=np.nan), ""
    text = column.astype(str).str.strip().str.lower()
    yes = text.isin(["yes", "true", "y", "t", "1"])
    if yes.any() and text.isin(["no", "false", "n", "f", "0"]).any():
        return yes.to_numpy(dtype=np.float64), "the outcome's yes counts"
    raise UpliftFileError("the outcome is neither a number nor yes or no; name the value that counts with --positive")


def _is_id(column: pd.Series) -> bool:
    """A different value in each row, and no measure: text, or whole numbers called id."""
    if column.nunique() < 0.99 * len(column):
        return False
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return True
    name = str(column.name).lower()
    return name == "id" or name.endswith(("_id", " id")) or str(column.name).endswith("ID")


def _numbers(features: pd.DataFrame) -> pd.DataFrame:
    """Indicators of categories (the first is the base, rare ones are others), numbers with their median in gaps and a mark of them."""
    columns: dict[str, np.ndarray[tuple[int], np.dtype[np.float64]]] = {}
    for name in features.columns:
        column = features[name]
        numbers = column if pd.api.types.is_numeric_dtype(column.dtype) else pd.to_numeric(column, errors="coerce")
        if numbers.notna().sum() >= 0.95 * max(int(column.notna().sum()), 1):
            values = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
            gaps = ~np.isfinite(values)
            middle = float(np.median(values[~gaps])) if (~gaps).any() else 0.0
            columns[str(name)] = np.where(gaps, middle, values)
            if gaps.any():
                columns[f"{name} is missing"] = gaps.astype(np.float64)
            continue
        text = column.where(column.notna(), "(missing)").astype(str)
        kept = text.value_counts().index[:_MOST_CATEGORIES].sort_values()
        for value in kept[1:]:
            columns[f"{name}={value}"] = (text == value).to_numpy(dtype=np.float64)
    table = pd.DataFrame(columns)
    return table.loc[:, (table != table.iloc[0]).any()]
