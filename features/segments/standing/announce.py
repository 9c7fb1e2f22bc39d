"""Telling the outside world who entered and who left a segment: facts of up to five hundred customers each, said once an evaluation."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from billing.kernel.clock import format_instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from billing.db.session import Unit
    from features.segments.standing.store import Moves

ENTERED: Final = "segment.entered"
LEFT: Final = "segment.left"
MOST: Final = 500


def announce(unit: Unit, scheme: str, moves: Moves, at: datetime) -> int:
    """Emit the moves of a scheme; how many facts that were. An evaluation that moves nobody says nothing."""
    return _tell(unit, LEFT, scheme, moves.left, at) + _tell(unit, ENTERED, scheme, moves.entered, at)


def _tell(unit: Unit, kind: str, scheme: str, moved: Mapping[str, Sequence[str]], at: datetime) -> int:
    told = 0
    for segment, customers in sorted(moved.items()):
        for start in range(0, len(customers), MOST):
            part = list(customers[start : start + MOST])
            payload = {"scheme": scheme, "segment": segment, "customers": part, "as_of": format_instant(at)}
            who = hashlib.sha256("\x1f".join(part).encode()).hexdigest()[:16]
            unit.emit_once(kind, f"{scheme[:80]}:{segment[:40]}:{at.isoformat()}:{who}", payload, at)
            told += 1
    return told
