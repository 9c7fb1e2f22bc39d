"""The product's source, read and parsed once for all rules."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REPOSITORY = Path(__file__).resolve().parents[2]
ROOTS = ("billing", "features", "models", "training", "serving")
_SKIPPED = frozenset({"__pycache__"})


@dataclass(frozen=True, slots=True)
class Module:
    """A Python file: its path from the repository with forward slashes, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def root(self) -> str:
        """The top-level folder it stands in."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def package(self) -> str:
        """The dotted name of the folder it stands in."""
        return self.path.rpartition("/")[0].replace("/", ".")

    def is_under(self, *folders: str) -> bool:
        """Whether it stands in one of these folders, at any depth."""
        return any(self.path.startswith(f"{folder}/") for folder in folders)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1."""
        return self.text.splitlines()[number - 1]

    def nodes(self) -> Iterator[ast.AST]:
        """Every node of the tree, in no particular order."""
        return ast.walk(self.tree)


@dataclass(frozen=True, slots=True)
class Finding:
    """A breach of a rule: where, and what it says to the person who reads it."""

    path: str
    line: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.code} {self.message}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A named rule; `check` yields the line and the message of each breach in a module."""

    code: str
    check: Callable[[Module], Iterator[tuple[int, str]]]

    def findings(self, module: Module) -> list[Finding]:
        """The breaches in one module, by line."""
        return sorted(
            (Finding(module.path, line, self.code, message) for line, message in self.check(module)),
            key=lambda finding: (finding.line, finding.message),
        )


def parse(path: str, text: str) -> Module:
    """A module from its text, for samples in tests."""
    return Module(path, text, ast.parse(text, filename=path))


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """Every module of these folders of the repository, parsed once."""
    found = (path for folder in folders for path in sorted((REPOSITORY / folder).rglob("*.py")))
    return tuple(
        parse(path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8"))
        for path in found
        if not _SKIPPED & set(path.parts)
    )


def dotted(node: ast.expr) -> str:
    """The dotted name of `a.b.c`, or an empty string for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""
