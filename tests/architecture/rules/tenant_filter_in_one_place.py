"""The tenant is filtered in one place, `billing/db/scope.py`: a filter that each query must remember is one that some query forgets.

Forbidden elsewhere: comparing a `tenant_id` attribute, `tenant_id.in_(...)`, and `tenant_id=` in `filter_by`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOME = "billing/db/scope.py"
_COLUMN = "tenant_id"
_COMPARISONS = frozenset({"in_", "not_in", "is_", "is_not", "__eq__"})


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each tenant filter outside its home."""
    if module.path == _HOME or module.is_under("billing/migrations"):
        return
    for node in module.nodes():
        if isinstance(node, ast.Compare) and any(map(_is_tenant, (node.left, *node.comparators))):
            yield node.lineno, "compares the tenant; the session's scope does that for every statement"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            by_keyword = node.func.attr == "filter_by" and any(word.arg == _COLUMN for word in node.keywords)
            by_method = node.func.attr in _COMPARISONS and _is_tenant(node.func.value)
            if by_keyword or by_method:
                yield node.lineno, "filters by tenant; the session's scope does that for every statement"


def _is_tenant(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == _COLUMN


RULE = Rule("tenant-filter", check)
