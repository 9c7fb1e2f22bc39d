"""A file holds at most 400 lines: past that it holds two thoughts. Revisions are history and stay as they were written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_LINES = 400


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The first line too many."""
    lines = len(module.text.splitlines())
    if lines > _MOST_LINES and not module.is_under("billing/migrations/versions"):
        yield _MOST_LINES + 1, f"{lines} lines; split the file by operation"


RULE = Rule("file-size", check)
