"""Every module opens with a sentence: what it decides, in which unit, which invariant. A package says what it owns."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source import ROOTS, Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The first line of a module of the product that opens with no sentence."""
    if module.root not in ROOTS:
        return
    opening = (ast.get_docstring(module.tree) or "").partition("\n")[0].strip()
    if not opening:
        yield 1, "opens with no sentence"
    elif " " not in opening:
        yield 1, f"opens with the one word {opening!r}; write the sentence a colleague would need"


RULE = Rule("opening-sentence", check)
