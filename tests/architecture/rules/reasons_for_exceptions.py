"""A lint rule is switched off with its code and its reason on the same line, or the next reader cannot tell whether it still holds.

Tests may hand over wrong types without saying that this is the point of the test.
"""

from __future__ import annotations

import io
import re
import tokenize
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

_SWITCH = re.compile(r"#\s*(noqa|type:\s*ignore)\b")
_WITH_REASON = re.compile(r"#\s*(noqa:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*|type:\s*ignore\[[\w,\- ]+\])\W+\w+")

_WRONG_TYPE = re.compile(rf"{_WITH_REASON.pattern}|#\s*type:\s*ignore\[")


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each `noqa` or `type: ignore` without a code or a reason."""
    allowed = _WRONG_TYPE if module.root == "tests" else _WITH_REASON
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT and _SWITCH.search(token.string) and not allowed.search(token.string):
            yield token.start[0], "switches a lint off without its code and a reason"


RULE = Rule("exception-reason", check)
