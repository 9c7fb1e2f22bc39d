"""No floating point in the money packages: a float cannot hold a cent, and a sum of them depends on its order.

Forbidden in `billing/`: the name `float` (calls, annotations, also quoted ones), literals with a point or an exponent, floating columns.
What counts no money may say so on its line: `# ... (money-lint: allow)`, with the reason in front.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = frozenset({"float", "Float", "Double", "DOUBLE", "DOUBLE_PRECISION", "REAL", "float32", "float64"})
_QUOTED = re.compile(r"\bfloat\b")
_ALLOWED = re.compile(r"#\s*\S+\s+\S+.*\(money-lint: allow\)")


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each float in a money package."""
    if not module.is_under("billing"):
        return
    for node in module.nodes():
        message = _breach(node)
        if message and not _ALLOWED.search(module.line(getattr(node, "lineno", 1))):
            yield getattr(node, "lineno", 1), message


def _breach(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
        return f"{node.value} is a float; write Decimal('...') or minor units"
    name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None
    if name in _NAMES:
        return f"{name} in a money package; money is Decimal or minor units"
    annotations = [getattr(node, "annotation", None), getattr(node, "returns", None)]
    for annotation in annotations:
        if (
            isinstance(annotation, ast.Constant)
            and isinstance(annotation.value, str)
            and _QUOTED.search(annotation.value)
        ):
            return "float in a quoted annotation of a money package"
    return None


RULE = Rule("money-float", check)
