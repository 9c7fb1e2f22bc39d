"""Imports stand at the top of the file: one inside a function hides a cycle, or a cost that surprises the first caller.

The command line is the one place where heavy libraries wait for the command that needs them. Elsewhere an import that must wait says what
it costs, on its line: `# noqa: PLC0415 (seconds to import, and only where ...)`.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITS_COST = re.compile(r"# noqa: PLC0415 \(\w+")


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each import inside a function."""
    if module.is_under("serving/cli"):
        return
    lines = {
        inner.lineno
        for node in module.nodes()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom) and not _ITS_COST.search(module.line(inner.lineno))
    }
    for line in lines:
        yield line, "imports inside a function; move it to the top, or cut the cycle it dodges"


RULE = Rule("import-in-function", check)
