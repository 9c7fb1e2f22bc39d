"""What may stand in no file that is published: secrets, paths of one machine, and package hosts in the locks.

Binary files and the licence's text are passed over. A line that must hold such a text says why: `(clean-text: allow)`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.architecture.source import REPOSITORY, Finding

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SKIPPED_FOLDERS = frozenset({"__pycache__", "artifacts", "dist", "mlruns", "node_modules"})
_OWN_HIDDEN = frozenset({".ci", ".github"})
_TEXT = frozenset(
    ".cfg .css .csv .html .in .ini .js .json .jsonl .lock .mako .md .mjs .py .sh .sql .svg .toml .txt .xml .yaml .yml".split()
)
_UNNAMED = frozenset({"Makefile", "run", ".importlinter", ".gitignore"})
_ALLOWED = "(clean-text: allow)"

PATTERNS = {
    "secret": re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
        r"|\bAKIA[0-9A-Z]{16}\b"
        r"|\bgh[pousr]_[A-Za-z0-9]{36}\b"
        r"|\bxox[abprs]-[A-Za-z0-9-]{20,}"
        r"|\b[rs]k_live_[A-Za-z0-9]{16,}"
        r"|\bupt_sk_[A-Za-z0-9_-]{24,}"
        r"|\beyJ[A-Za-z0-9_-]{20,}\.eyJ[A-Za-z0-9_-]{20,}\."
    ),
    "machine path": re.compile(r"(?<![\w.}/])/(?:home|mnt|root|tmp|Users|work|workspace)/[\w.]"),
}
_HOST = re.compile(r"https?://|--(?:extra-)?index-url|--find-links|--trusted-host")


def findings(repository: Path = REPOSITORY) -> list[Finding]:
    """Each line of a text file that may not be published."""
    return [
        found
        for path in sorted(_files(repository))
        for found in breaches(
            path.relative_to(repository).as_posix(), path.read_text(encoding="utf-8", errors="replace")
        )
    ]


def breaches(path: str, text: str) -> list[Finding]:
    """The breaches in one file's text; locks may moreover name no package host."""
    patterns = {**PATTERNS, "package host": _HOST} if path.startswith("requirements/") else PATTERNS
    return [
        Finding(path, number, "clean-text", f"holds a {what}")
        for number, line in enumerate(text.splitlines(), start=1)
        if _ALLOWED not in line
        for what, pattern in patterns.items()
        if pattern.search(line)
    ]


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.is_symlink() or path.name in _SKIPPED_FOLDERS:
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name in _OWN_HIDDEN:
                yield from _files(path)
        elif path.suffix in _TEXT or path.name in _UNNAMED:
            yield path
