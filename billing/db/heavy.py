"""Settings for the few statements that sort and join millions of rows, for the rest of one transaction: room in memory, and no loops.

PostgreSQL gives each sort and each hash of a statement 4 MiB by default and goes to disk beyond it, which makes a report much slower. And
of rows that came since it last looked it believes there is one: a join that it then makes by looping takes minutes for ten thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy.orm import Session

if TYPE_CHECKING:
    from billing.db.scope import ScopedSession

ROOM_MIB: Final = 128
_ROOM = """
SELECT set_config('work_mem', %s, true), set_config('jit', 'off', true), set_config('enable_nestloop', 'off', true)
"""


def make_room(session: ScopedSession) -> None:
    """Let the transaction's sorts and hashes take up to ROOM_MIB each, and join by hashing; nothing on an engine without such settings."""
    connection = Session.connection(session)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(_ROOM, (f"{ROOM_MIB}MB",))
