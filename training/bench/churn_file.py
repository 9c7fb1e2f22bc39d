"""Reads any table with a two-valued outcome from CSV or Parquet, and says of every column what was made of it.

Columns are typed by looking at them: numbers (also written as text, blanks missing), moments (as days), categories (as level numbers in
their sorted order). Constant columns and ids are left out with a note. Nothing here looks at the outcome but `possible_leaks`, which
names columns that tell it alone; they stay, since only who knows the table can say whether they were known in time.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from billing.kernel.errors import InvalidError, NotFoundError
from models.tabular.table import Examples, FeatureTable
from training.leakage import column_aucs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.tabular.table import Flags, Floats

LEAK_AUC = 0.9
_NUMBERS_SHARE = 0.95
_ID_SHARE = 0.5
_MOST_LEVELS = 1000
_ID_NAME = re.compile(r"(^|[\W_])(id|ids|uuid|guid|no|nr|key|index|rownumber|phone)$|(?<=[a-z])(Id|ID|Number)$")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}")
_YES = ("1", "yes", "y", "true", "t", "churn", "churned", "left", "exited", "lost", "attrited", "attrited customer")
_BLANK = ("", "na", "n/a", "nan", "null", "none", "?")


class ChurnFileError(InvalidError):
    """The file cannot be read as a table with a two-valued outcome."""

    code: ClassVar[str] = "invalid_churn_file"


class ChurnFileMissingError(NotFoundError):
    """There is no such file."""

    code: ClassVar[str] = "churn_file_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChurnFile:
    """`examples` holds level numbers in the `categorical` columns; `repeats_customers` says that an id has several rows."""

    examples: Examples
    categorical: tuple[str, ...]
    positive: str
    sha256: str
    notes: tuple[str, ...]
    repeats_customers: bool


def read_churn_file(
    path: Path, *, label: str, id_column: str = "", positive: str = "", drop: Sequence[str] = ()
) -> ChurnFile:
    """The table with its outcome; an error names what is missing and what there is."""
    frame = read_frame(Path(path))
    for name in (label, *([id_column] if id_column else []), *drop):
        if name not in frame.columns:
            found = [str(column) for column in frame.columns][:40]
            raise ChurnFileError(f"the file has no column {name}; it has {', '.join(found)}", missing=name, found=found)
    notes: list[str] = []
    outcome, chosen, known = _outcome(frame[label], positive, notes)
    frame = frame.loc[known]
    customers = frame[id_column].astype(str).to_numpy(dtype=object) if id_column else np.arange(len(frame)).astype(str)
    columns, categorical = _columns(frame.drop(columns=[label, *([id_column] if id_column else []), *drop]), notes)
    if not columns:
        raise ChurnFileError("no column is left to learn from", notes=notes)
    examples = Examples(FeatureTable.from_columns(columns), outcome, customers.astype(np.str_))
    if not 5 <= examples.positives <= len(examples) - 5:
        rows = len(examples)
        raise ChurnFileError(f"{examples.positives} of {rows} rows have the outcome, too few of one kind", rows=rows)
    repeats = bool(id_column) and np.unique(examples.customers).size < len(examples)
    if repeats:
        notes.append(f"{id_column} has several rows a customer, so whole customers are kept on one side of every fold")
    notes += possible_leaks(examples)
    return ChurnFile(
        examples=examples,
        categorical=tuple(categorical),
        positive=chosen,
        sha256=hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        notes=tuple(notes),
        repeats_customers=repeats,
    )


def possible_leaks(examples: Examples) -> list[str]:
    """A sentence for each column that alone orders the rows by outcome with an AUC above `LEAK_AUC`."""
    return [
        f"{name} alone tells the outcome (AUC {value:.3f}): a possible leak, unless it was known in time; --drop {name} leaves it out"
        for name, value in column_aucs(examples).items()
        if value > LEAK_AUC
    ]


def read_frame(path: Path) -> pd.DataFrame:
    """The file's columns as they are; the separator of a CSV is guessed."""
    if not path.is_file():
        raise ChurnFileMissingError(f"there is no file {path}", path=str(path))
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            return pd.read_parquet(path)
        with path.open(encoding="utf-8-sig", errors="replace") as file:
            head = file.readline()
        separator = max(",;\t|", key=head.count)
        return pd.read_csv(path, sep=separator, encoding="utf-8-sig", skipinitialspace=True, low_memory=False)
    except (ValueError, OSError, UnicodeDecodeError) as error:
        raise ChurnFileError(f"{path.name} cannot be read as CSV or Parquet: {error}", path=str(path)) from error


def _outcome(column: pd.Series, positive: str, notes: list[str]) -> tuple[Flags, str, Flags]:
    """The outcome of the rows that have one, the value that counts as it, and which rows have one."""
    text = _text(column)
    known = text.notna().to_numpy(dtype=np.bool_)
    if not known.all():
        notes.append(f"{int((~known).sum()):,} rows without an outcome are left out")
    counts = text[known].value_counts()
    values = [str(value) for value in counts.index]
    if positive:
        chosen = next((value for value in values if value.lower() == _plain(positive).lower()), None)
        if chosen is None:
            raise ChurnFileError(
                f"{column.name} is never {positive}; it is {', '.join(values[:10])}", found=values[:40]
            )
    elif len(values) != 2:
        raise ChurnFileError(
            f"{column.name} has {len(values)} different values, not two; name the one that counts with --positive",
            found=values[:40],
        )
    else:
        chosen = next((value for value in values if value.lower() in _YES), values[-1])
    if len(values) > 2:
        notes.append(
            f"{chosen} counts as the outcome, the other {len(values) - 1} values of {column.name} as its absence"
        )
    return (text[known] == chosen).to_numpy(dtype=np.bool_), chosen, known


def _columns(frame: pd.DataFrame, notes: list[str]) -> tuple[dict[str, Floats], list[str]]:
    """Every usable column as floats, and the names of those that hold level numbers."""
    columns: dict[str, Floats] = {}
    categorical: list[str] = []
    for name in frame.columns:
        key, column = str(name), frame[name]
        moments = _moments(column)
        numbers = _numbers(column) if moments is None else moments
        if numbers is not None:
            if _is_constant(numbers):
                notes.append(f"{key} is left out: it is constant")
            elif moments is None and _is_number_id(key, numbers):
                notes.append(f"{key} is left out: it looks like an id")
            else:
                columns[key] = numbers
            continue
        codes, levels = pd.factorize(_text(column), sort=True)
        rows = int((codes >= 0).sum())
        if len(levels) < 2 and rows in {0, len(column)}:
            notes.append(f"{key} is left out: it is constant")
        elif len(levels) > min(_MOST_LEVELS, max(_ID_SHARE * rows, 2)):
            notes.append(f"{key} is left out: {len(levels):,} different texts in {rows:,} rows look like an id")
        else:
            columns[key] = np.where(codes >= 0, codes, np.nan).astype(np.float64)
            categorical.append(key)
    return columns, categorical


def _numbers(column: pd.Series) -> Floats | None:
    """The column as floats (infinities missing), or None where it holds texts."""
    if pd.api.types.is_bool_dtype(column.dtype) or pd.api.types.is_numeric_dtype(column.dtype):
        values = pd.to_numeric(column).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)
    text = _text(column)
    present = int(text.notna().sum())
    parsed = pd.to_numeric(text, errors="coerce")
    if present and parsed.notna().sum() >= _NUMBERS_SHARE * present:
        values = parsed.to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isfinite(values), values, np.nan)
    return None


def _moments(column: pd.Series) -> Floats | None:
    """The column as days, or None where it holds no dates."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return _days(column)
    if pd.api.types.is_numeric_dtype(column.dtype):
        return None
    text = _text(column)
    first = text.dropna().head(200)
    if len(first) and first.str.match(_DATE).mean() > _NUMBERS_SHARE:
        return _days(pd.to_datetime(text, errors="coerce", format="mixed"))
    return None


def _days(moments: pd.Series) -> Floats:
    naive = moments.dt.tz_localize(None) if moments.dt.tz is not None else moments
    days = (naive - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
    return np.asarray(days.to_numpy(dtype=np.float64, na_value=np.nan))


def _text(column: pd.Series) -> pd.Series:
    """Trimmed texts; blanks and their usual spellings are missing."""
    hidden = column.isna().tolist()
    told = [None if missing else _plain(value) for value, missing in zip(column.tolist(), hidden, strict=True)]
    known = [None if value is None or value.lower() in _BLANK else value for value in told]
    return pd.Series(known, index=column.index, name=column.name, dtype=object)


def _plain(value: object) -> str:
    """A value as text; whole floats without their decimals, so that 1.0 and 1 are one value."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    return str(value).strip()


def _is_constant(numbers: Floats) -> bool:
    hidden = np.isnan(numbers)
    return np.unique(numbers[~hidden]).size < 2 and (bool(hidden.all()) or not hidden.any())


def _is_number_id(name: str, numbers: Floats) -> bool:
    """Whole numbers, each once, that count the rows or carry the name of an id."""
    known = numbers[~np.isnan(numbers)]
    if known.size < 50 or np.unique(known).size < 0.98 * known.size or (known != np.floor(known)).any():
        return False
    counts_rows = bool((np.abs(np.diff(known)) == 1).mean() > 0.98)
    return counts_rows or _ID_NAME.search(name) is not None or _ID_NAME.search(name.lower()) is not None
