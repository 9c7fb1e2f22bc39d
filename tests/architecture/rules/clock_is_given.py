"""The time is an argument: code that asks the machine for it cannot be tested at the end of February, nor replayed.

Only the clock, the ids (whose order is their time) and the shells in `serving/` may ask. Monotonic clocks measure how long, not when.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.architecture.source import Module, Rule, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

_ASKERS = (
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "pd.Timestamp.now",
    "pd.Timestamp.utcnow",
)
_MAY_ASK = frozenset({"billing/kernel/clock.py", "billing/kernel/ids.py"})


def check(module: Module) -> Iterator[tuple[int, str]]:
    """The line of each question to the machine's clock, also where the function is passed on uncalled."""
    if module.path in _MAY_ASK or module.is_under("serving"):
        return
    for node in module.nodes():
        if isinstance(node, ast.Attribute):
            name = dotted(node)
            if any(name == asker or name.endswith(f".{asker}") for asker in _ASKERS):
                yield node.lineno, f"{name} asks the machine for the time; take `now` or a Clock as an argument"
        elif isinstance(node, ast.ImportFrom) and node.module == "time":
            for alias in node.names:
                if alias.name in {"time", "time_ns"}:
                    yield node.lineno, f"time.{alias.name} asks the machine for the time; take `now` or a Clock"


RULE = Rule("machine-clock", check)
