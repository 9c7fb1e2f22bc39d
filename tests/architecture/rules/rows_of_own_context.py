"""A store reads and writes the rows of its own context only: what another context keeps is asked of that context's store.

`tables` modules may be imported by a store in the same folder, by rows that point at them with a foreign key (`tables.py`), by the
database's own package and by revisions. Import-linter's `protected` contract says that only stores may; it cannot say whose.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_MACHINERY = ("billing/db", "billing/migrations")


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each import of rows from outside their own context's store."""
    if module.is_under(*_MACHINERY) or module.name == "tables.py":
        return
    is_store = module.name == "store.py" or module.name.endswith("_store.py")
    for line, owner in _imports_of_tables(module):
        if not (is_store and owner == module.package):
            yield line, f"imports the rows of {owner}; ask its store"


def _imports_of_tables(module: Module) -> Iterator[tuple[int, str]]:
    for node in module.nodes():
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            owner, _, last = name.rpartition(".")
            if last == "tables":
                yield node.lineno, owner


RULE = Rule("foreign-rows", check)
