"""Queries are built and run in stores only, so that a table has one place that knows its columns and one that scopes it.

A store is `store.py`, or `<part>_store.py` where one context has two. The database's own package and the revisions are the machinery below.
An engine that is not the database of rows is listed here with its reason.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

_BUILDERS = frozenset({"select", "insert", "update", "delete", "text", "union", "union_all", "exists"})
_RUNNERS = frozenset({"execute", "executemany", "exec_driver_sql", "scalars", "stream_scalars"})
_SESSION_RUNNERS = frozenset({"get", "merge", "query", "scalar", "stream"})
_SESSIONS = frozenset({"connection", "session", "_connection", "_session"})
_MACHINERY = ("billing/db", "billing/migrations")
_OTHER_ENGINES = {
    "features/duckdb_engine.py": "DuckDB over frames in memory, not the rows",
    "features/tiles.py": "DuckDB over tiles in memory, not the rows",
    "features/spark_engine.py": "Spark over frames of its own, not the rows",
}


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each query outside a store."""
    is_store = module.name == "store.py" or module.name.endswith("_store.py")
    if is_store or module.is_under(*_MACHINERY) or module.path in _OTHER_ENGINES:
        return
    built = _imported_builders(module)
    for node in module.nodes():
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in built:
            yield node.lineno, f"{node.func.id}() builds a query outside a store"
        elif isinstance(node.func, ast.Attribute) and _runs(node.func):
            yield node.lineno, f".{node.func.attr}() runs a query outside a store"
        elif isinstance(node.func, ast.Attribute) and _of_sqlalchemy(node.func):
            yield node.lineno, f".{node.func.attr}() builds a query outside a store"


def _imported_builders(module: Module) -> set[str]:
    """The local names of SQLAlchemy's builders: `update` of a dictionary or a hash is not a query."""
    return {
        alias.asname or alias.name
        for node in module.nodes()
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "sqlalchemy"
        for alias in node.names
        if alias.name in _BUILDERS
    }


def _runs(function: ast.Attribute) -> bool:
    """Words that other libraries use too, such as `get`, count where a session or a connection is asked."""
    on_session = dotted(function.value).rpartition(".")[2] in _SESSIONS
    return function.attr in _RUNNERS or (on_session and function.attr in _SESSION_RUNNERS)


def _of_sqlalchemy(function: ast.Attribute) -> bool:
    owner = function.value
    return isinstance(owner, ast.Name) and owner.id in {"sa", "sqlalchemy"} and function.attr in _BUILDERS


RULE = Rule("query-outside-store", check)
