"""The database as the rest sees it: a unit of work per use case, one transaction each, bound to one tenant.

`Database.unit` writes (on SQLite it takes the write lock at once, so that a read never has to be upgraded and fail); `Database.view`
reads a consistent snapshot and refuses to write.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, OperationalError

from billing.db.changes import tell
from billing.db.documents import dump
from billing.db.scope import Scope, ScopedSession, refuse_changes
from billing.db.tables import OutboxRow
from billing.db.upsert import insert_new_silently
from billing.kernel.errors import ConflictError, InvalidError, Kind, UptierError
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from billing.db.changes import Listener

APP_ROLE = "uptier_app"
_READ_ONLY = {"uptier_read_only": True}
_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


class BusyError(UptierError):
    """The database could not be had in time: locked by a long write, restarting, or gone."""

    code = "database_busy"
    kind = Kind.UNAVAILABLE


class UnstorableError(InvalidError):
    """The engine cannot keep a value, or look it up: a NUL, half a character, or more than its column takes."""

    code = "unstorable_value"


class Unit:
    """One use case's work: the session that its stores read and write through, and the outbox it speaks into."""

    def __init__(self, session: ScopedSession) -> None:
        self.session = session

    @property
    def scope(self) -> Scope:
        """Whose data this unit is about."""
        return self.session.scope

    def emit(self, kind: str, key: str, payload: dict[str, Any], at: datetime) -> None:
        """Write a fact for the outside world; `key` makes it unique, so that a repeated use case speaks once."""
        self.session.add(OutboxRow(id=new_id("evt"), key=f"{kind}:{key}", kind=kind, payload=payload, created_at=at))

    def emit_once(self, kind: str, key: str, payload: dict[str, Any], at: datetime) -> None:
        """The same where several use cases may find the same fact: who comes second says nothing."""
        row = {"id": new_id("evt"), "key": f"{kind}:{key}", "kind": kind, "payload": payload, "created_at": at}
        insert_new_silently(self.session, OutboxRow, [row])


class Database:
    """An engine with the house's rules set: WAL and foreign keys on SQLite, the unprivileged role on PostgreSQL."""

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = make_url(url)
        self.engine = _sqlite(url) if self.is_sqlite else _postgres(url, pool_size)
        self._reading = self.engine.execution_options(**_READ_ONLY if self.is_sqlite else _SNAPSHOT)
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Have a listener told of what every unit from now on changed, right after its commit; it must not raise."""
        self._listeners.append(listener)

    @property
    def is_sqlite(self) -> bool:
        """Whether the embedded engine serves."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def unit(self, scope: Scope) -> Iterator[Unit]:
        """A transaction that commits when the block ends and leaves nothing behind when it raises."""
        with ScopedSession(self.engine, scope=scope, expire_on_commit=False) as session:
            with _readable_errors(), session.begin():
                yield Unit(session)
            tell(session, self._listeners)

    @contextmanager
    def view(self, scope: Scope) -> Iterator[Unit]:
        """A read-only transaction over one snapshot; a change that was asked of it is an error at its end at the latest."""
        with ScopedSession(
            self._reading, scope=scope, read_only=True, expire_on_commit=False, autoflush=False
        ) as session:
            with _readable_errors():
                yield Unit(session)
            refuse_changes(session)

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


@contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        raise ConflictError("the write collides with what is stored", constraint=_constraint(error)) from error
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "locked" not in str(error.orig):
            raise  # a broken statement or file: a bug or a disaster, not a matter of trying again
        raise BusyError("the database is busy or away; try again in a moment") from error
    except (DataError, UnicodeEncodeError) as error:
        raise UnstorableError("a value is too long, too large, or holds what is not a character") from error


def _constraint(error: IntegrityError) -> str:
    diagnosis = getattr(error.orig, "diag", None)
    return str(getattr(diagnosis, "constraint_name", None) or error.orig).split("\n")[0][:200]


def _sqlite(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30}, hide_parameters=True, json_serializer=dump)

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves, see below
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        read_only = _READ_ONLY.items() <= connection.get_execution_options().items()
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgres(url: str, pool_size: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,
        json_serializer=dump,
    )

    @event.listens_for(engine, "connect")
    def _step_down(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET ROLE {APP_ROLE}")
        connection.commit()

    return engine
