"""What a transaction changed of what is read often and kept in memory elsewhere: told to listeners once it is committed, never before.

A store notes a customer, or everybody for what all customers of a tenant share. Who keeps copies drops them when told; a copy that was
not told of a change (the process died between commit and telling) is bounded by its age.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from billing.db.scope import ScopedSession

    Listener: TypeAlias = Callable[[str, frozenset[str] | None], None]
    """Is told a tenant, and which customers (by id) changed; None for all of them."""

_NOTED = "uptier.changed"
_EVERYBODY = ""
MOST_NAMED = 5_000
"""Beyond so many customers in one transaction everybody is said to have changed."""


def changed(session: ScopedSession, customers: Iterable[str] | None = None) -> None:
    """Note that what these customers (by id) have, use or owe has changed; None for everybody's."""
    noted: set[str] = session.info.setdefault(_NOTED, set())
    if customers is None:
        noted.add(_EVERYBODY)
    else:
        noted.update(customers)


def tell(session: ScopedSession, listeners: Iterable[Listener]) -> None:
    """Tell what a committed transaction noted."""
    noted: set[str] | None = session.info.get(_NOTED)
    if not noted:
        return
    whom = None if _EVERYBODY in noted or len(noted) > MOST_NAMED else frozenset(noted)
    for listener in listeners:
        listener(session.scope.tenant_id, whom)
