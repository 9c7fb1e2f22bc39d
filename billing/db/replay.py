"""Answers kept for requests that may come again: the same key and body get the same answer, another body is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import String, cast, delete, or_, select

from billing.db.documents import dump
from billing.db.tables import ReplayRow
from billing.kernel.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from billing.db.session import Unit


class ReplayMismatchError(ConflictError):
    """An `Idempotency-Key` came back with another request behind it."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and JSON body as they were first given."""

    status: int
    body: Any


def recall(unit: Unit, key: str, fingerprint: str) -> Answer | None:
    """The answer first given for this key, or None when it is new."""
    row = unit.session.scalar(select(ReplayRow).where(ReplayRow.key == key))
    if row is None:
        return None
    if row.fingerprint != fingerprint:
        raise ReplayMismatchError("this Idempotency-Key was used for a different request; use a fresh key", key=key)
    return Answer(row.status, row.body)


def forget(unit: Unit, said: Iterable[tuple[str, str]]) -> int:
    """Remove the answers that say any of these (name of a field, text); how many. A request that comes again is made anew."""
    told = cast(ReplayRow.body, String)
    patterns = [f"{dump(name)}:{space}{dump(word)}" for name, word in said for space in ("", " ")]
    holds = or_(*(told.contains(pattern, autoescape=True) for pattern in patterns))
    keys = list(unit.session.scalars(select(ReplayRow.key).where(holds)))
    for start in range(0, len(keys), 500):
        unit.session.execute(delete(ReplayRow).where(ReplayRow.key.in_(keys[start : start + 500])))
    return len(keys)


def remember(unit: Unit, key: str, fingerprint: str, answer: Answer, at: datetime) -> None:
    """Keep the answer in the transaction that made it true; two requests racing with one key leave one of them refused."""
    unit.session.add(ReplayRow(key=key, fingerprint=fingerprint, status=answer.status, body=answer.body, created_at=at))
