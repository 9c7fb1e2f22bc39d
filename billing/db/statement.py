"""Which statements can be given a tenant: those that reach tables through mapped rows only, all the way down.

The criteria of `scope.py` follow mapped rows. A text, a bare table or one of its columns anywhere inside a statement would read past them,
so a statement with one of these in it, however deep, is refused before it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, Select, Table, Update
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ColumnClause, TextClause
from sqlalchemy.sql.selectable import Alias, Join, TableClause

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_A_ROW = frozenset({"parententity", "_orm_adapt"})  # SQLAlchemy marks what came from a mapped class


def unscoped_part(statement: Any) -> str | None:
    """A few words on the first part of a statement that no tenant can be added to, or None when there is none."""
    for part in visitors.iterate(statement):
        if isinstance(part, TextClause):
            return "a piece of SQL text"
        if isinstance(part, ColumnClause):
            if part.is_literal and part.name != "*":
                return "a literal column"
            if _is_bare(part) and part.table is not None and _bare_table(part.table):
                return f"the bare column {part}"
        elif isinstance(part, TableClause) and not isinstance(part, Table):
            return f"the bare table {part.name}"
        elif isinstance(part, Select):
            table = next(filter(_bare_table, _sources(part)), None)
            if table is not None:
                return f"the bare table {table}"
    return None


def inline_values(statement: Insert | Update) -> set[str]:
    """The names of the columns that a statement sets by itself, rather than through its parameters."""
    given: list[Any] = [statement._values or {}]  # noqa: SLF001 (SQLAlchemy has no public reader of what values() was told)
    if isinstance(statement, Insert):
        given += [row for rows in statement._multi_values for row in rows]  # noqa: SLF001 (as above)
        given += [dict.fromkeys(statement._select_names or ())]  # noqa: SLF001 (as above)
    return {str(getattr(column, "name", column)) for row in given for column in row}


def _sources(select: Select[Any]) -> Iterator[Any]:
    """What stands in the FROM list by name, joins taken apart."""
    waiting: list[Any] = [
        *select._raw_columns,  # noqa: SLF001 (the public reader works on Core selects only)
        *select._from_obj,  # noqa: SLF001 (as above)
        *(join[0] for join in select._setup_joins),  # noqa: SLF001 (as above)
    ]
    while waiting:
        source = waiting.pop()
        if isinstance(source, Join):
            waiting += [source.left, source.right]
        else:
            yield source


def _bare_table(source: Any) -> bool:
    while isinstance(source, Alias) and _is_bare(source):
        source = source.element
    return isinstance(source, TableClause) and _is_bare(source)


def _is_bare(part: Any) -> bool:
    return not _OF_A_ROW & part._annotations.keys()  # noqa: SLF001 (the mark itself, see above)
