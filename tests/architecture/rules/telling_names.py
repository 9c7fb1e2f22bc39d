"""A file is named for what it decides: a file of leftovers has no owner, and everyone ends up importing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_LEFTOVERS = frozenset({"common", "data", "helper", "helpers", "manager", "managers", "misc", "util", "utils"})


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The first line of a file, or of a folder's `__init__`, that is named for nothing."""
    *folders, file = module.path.split("/")
    own = folders[-1] if file == "__init__.py" and folders else file.removesuffix(".py")
    if own in _LEFTOVERS:
        yield 1, f"{own!r} says nothing of what is inside; name it for what it decides"


RULE = Rule("leftover-name", check)
