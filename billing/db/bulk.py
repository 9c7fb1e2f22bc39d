"""Many rows at once: stored by COPY where the engine has it, the unique key deciding in the transaction which are new, and sums added up.

The tenant is the session's own, put in by this module and by nobody else; identifiers come from mapped rows, values travel as parameters.
"""

from __future__ import annotations

from decimal import Context, Decimal, Inexact
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON
from sqlalchemy.dialects.postgresql import dialect as postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from billing.db.columns import ExactDecimal, Instant
from billing.db.documents import dump
from billing.db.scope import ScopeError
from billing.kernel.clock import utc

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from billing.db.base import TenantRow
    from billing.db.scope import ScopedSession

_EXACT = Context(prec=400, traps=[Inexact])
_STAGED = "uptier.staged"
_POSTGRES: Any = postgresql()  # type: ignore[no-untyped-call] # (SQLAlchemy leaves its dialects untyped)
_LOCK = "SELECT pg_advisory_xact_lock{kind}(hashtextextended(%s, 0))"
_LOCK_EACH = "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest(%s::text[]) AS name"


class Merge(Enum):
    """How a new number joins the one that is there."""

    ADD = "add"
    LARGEST = "largest"


def lock_shared(session: ScopedSession, name: str) -> None:
    """Until the transaction ends nobody has `name` of this tenant alone. On SQLite a unit has everything alone already."""
    _lock(session, name, "_shared")


def lock_alone(session: ScopedSession, name: str) -> None:
    """Wait for those who share `name` of this tenant, and keep others from it until the transaction ends."""
    _lock(session, name, "")


def lock_each(session: ScopedSession, names: Iterable[str]) -> None:
    """The same for several names in one statement, taken in their order, so that two who want some of the same wait in turn."""
    connection = _writing(session)
    if not _is_sqlite(connection):
        tenant_id = session.scope.tenant_id
        connection.exec_driver_sql(_LOCK_EACH, ([f"{tenant_id}:{name}" for name in sorted(names)],))


def add_new(
    session: ScopedSession,
    key_row: type[TenantRow],
    row: type[TenantRow],
    names: Sequence[str],
    records: Sequence[Sequence[Any]],
) -> set[tuple[Any, ...]] | None:
    """Store the records whose keys are free in the table of `key_row`, and their keys with them, in one transaction.

    `names` begin with the key's columns after the tenant, in their order, and hold all columns of `key_row`. The answer is the keys of
    the records stored, or None when all were (the usual case, and quicker told). The records' keys differ from each other.
    """
    key = _key_of(key_row)
    if tuple(names[: len(key)]) != key or not set(_columns_of(key_row)) <= set(names):
        raise ScopeError(
            f"records of {row.__tablename__} begin with {', '.join(key)} and hold what {key_row.__tablename__} keeps"
        )
    connection = _writing(session)
    if not records:
        return None
    ready = _written(row, names, records, is_sqlite=_is_sqlite(connection))
    ready.sort()  # writers whose batches overlap wait for each other in turn
    if _is_sqlite(connection):
        return _add_on_sqlite(session, key_row, row, names, ready)
    return _add_by_copy(session, key_row, row, names, ready)


def add_all(
    session: ScopedSession, row: type[TenantRow], names: Sequence[str], records: Sequence[Sequence[Any]]
) -> None:
    """Store records of which none is there yet, such as those brought back from an archive; one that is there is a conflict."""
    connection = _writing(session)
    if not records:
        return
    ready = _written(row, names, records, is_sqlite=_is_sqlite(connection))
    if _is_sqlite(connection):
        tenant = session.scope.tenant_id
        connection.exec_driver_sql(_insert(row, names), [(tenant, *record) for record in ready])
        return
    staging, columns = _stage(session, row, names, ready), ", ".join(names)
    statement = f"INSERT INTO {row.__tablename__} (tenant_id, {columns}) SELECT %s, {columns} FROM {staging}"  # noqa: S608 (names of mapped columns)
    connection.exec_driver_sql(statement, (session.scope.tenant_id,))


def merge(
    session: ScopedSession,
    row: type[TenantRow],
    names: Sequence[str],
    records: Sequence[Sequence[Any]],
    merges: Mapping[str, Merge],
) -> None:
    """Store the records; where a primary key is taken, the columns of `merges` join what is there. The records' keys differ."""
    connection = _writing(session)
    if not records:
        return
    key = _key_of(row)
    table = row.__tablename__
    is_sqlite = _is_sqlite(connection)
    ready = _written(row, names, records, is_sqlite=is_sqlite)
    ready.sort()
    updates = ", ".join(f"{name} = {_joined(table, name, how, is_sqlite=is_sqlite)}" for name, how in merges.items())
    conflict = f"ON CONFLICT (tenant_id, {', '.join(key)}) DO UPDATE SET {updates}"
    into = f"INSERT INTO {table} (tenant_id, {', '.join(names)})"
    tenant = session.scope.tenant_id
    if is_sqlite:
        _teach_numbers(connection)
        marks = ", ".join("?" * (len(names) + 1))
        connection.exec_driver_sql(f"{into} VALUES ({marks}) {conflict}", [(tenant, *record) for record in ready])
        return
    columns = ", ".join(names)
    staging = _stage(session, row, names, ready)
    statement = f"{into} SELECT %s, {columns} FROM {staging} {conflict}"  # noqa: S608 (names of mapped columns)
    connection.exec_driver_sql(statement, (tenant,))


def _lock(session: ScopedSession, name: str, kind: str) -> None:
    connection = _writing(session)
    if not _is_sqlite(connection):
        connection.exec_driver_sql(_LOCK.format(kind=kind), (f"{session.scope.tenant_id}:{name}",))


def _writing(session: ScopedSession) -> Connection:
    """The session's connection, which knows no tenant: what is written through it here is stamped with the scope's."""
    if session.read_only:
        raise ScopeError("a view was asked to write; open a unit instead")
    session.flush()
    return Session.connection(session)


def _is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def _key_of(row: type[TenantRow]) -> tuple[str, ...]:
    return tuple(column.name for column in row.__table__.primary_key if column.name != "tenant_id")


def _columns_of(row: type[TenantRow]) -> tuple[str, ...]:
    return tuple(column.name for column in row.__table__.columns if column.name != "tenant_id")


def _written(
    row: type[TenantRow], names: Sequence[str], records: Sequence[Sequence[Any]], *, is_sqlite: bool
) -> list[tuple[Any, ...]]:
    """The records as the driver takes them, a column at a time."""
    columns: list[Sequence[Any]] = list(zip(*records, strict=True))
    for place, name in enumerate(names):
        kind = row.__table__.columns[name].type
        if isinstance(kind, JSON):
            columns[place] = [dump(value) for value in columns[place]]
        elif isinstance(kind, Instant):
            columns[place] = _instants(columns[place], is_sqlite=is_sqlite)
        elif isinstance(kind, ExactDecimal):
            columns[place] = [None if value is None else _digits(value) for value in columns[place]]
    return list(zip(*columns, strict=True))


def _instants(moments: Sequence[datetime | None], *, is_sqlite: bool) -> list[str | None]:
    """As the column type writes them; each only once, since many are alike."""
    texts = {moment: utc(moment).isoformat(" ", "microseconds") for moment in set(moments) if moment is not None}
    if is_sqlite:
        texts = {moment: text[: -len("+00:00")] for moment, text in texts.items()}
    return [None if moment is None else texts[moment] for moment in moments]


def _digits(number: Decimal | int) -> str:
    return f"{number:f}" if isinstance(number, Decimal) else str(number)


def _add_by_copy(
    session: ScopedSession,
    key_row: type[TenantRow],
    row: type[TenantRow],
    names: Sequence[str],
    records: Sequence[tuple[Any, ...]],
) -> set[tuple[Any, ...]] | None:
    """COPY into a table of this connection alone, then a statement into each of the real ones: the keys decide which records follow."""
    connection, tenant_id = Session.connection(session), session.scope.tenant_id
    staging, columns = _stage(session, row, names, records), ", ".join(names)
    key, kept = _key_of(key_row), ", ".join(_columns_of(key_row))
    told = ", ".join(f"CASE WHEN count(*) < %s THEN array_agg({name}) END" for name in key)
    found = connection.exec_driver_sql(
        f"WITH fresh AS (INSERT INTO {key_row.__tablename__} (tenant_id, {kept}) SELECT %s, {kept} FROM {staging} "  # noqa: S608 (names of mapped columns)
        f"ON CONFLICT (tenant_id, {', '.join(key)}) DO NOTHING RETURNING {', '.join(key)}) SELECT count(*), {told} FROM fresh",
        (tenant_id, *[len(records)] * len(key)),
    ).one()
    follow = f"INSERT INTO {row.__tablename__} (tenant_id, {columns}) SELECT %s, {columns} FROM {staging}"  # noqa: S608 (as above)
    if found[0] == len(records):
        connection.exec_driver_sql(follow, (tenant_id,))
        return None
    fresh = [list(values or ()) for values in found[1:]]
    if fresh[0]:
        texts = ", ".join("%s::text[]" for _ in key)
        named = f"{follow} JOIN unnest({texts}) AS fresh ({', '.join(key)}) USING ({', '.join(key)})"
        connection.exec_driver_sql(named, (tenant_id, *fresh))
    return set(zip(*fresh, strict=True))


def _stage(
    session: ScopedSession, row: type[TenantRow], names: Sequence[str], records: Sequence[tuple[Any, ...]]
) -> str:
    """The records in a table that this connection alone sees and that is empty again after the transaction."""
    connection = Session.connection(session)
    table, columns = f"staged_{row.__tablename__}_{len(names)}", row.__table__.columns
    used: set[str] = session.info.setdefault(_STAGED, set())
    if table in used:
        connection.exec_driver_sql(f"TRUNCATE pg_temp.{table}")
    else:
        shape = ", ".join(f"{name} {columns[name].type.compile(dialect=_POSTGRES)}" for name in names)
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ({shape}) ON COMMIT DELETE ROWS",
        )
        used.add(table)
    _copy(connection, f"COPY pg_temp.{table} ({', '.join(names)}) FROM STDIN", records)
    return f"pg_temp.{table}"


def _copy(connection: Connection, statement: str, records: Sequence[tuple[Any, ...]]) -> None:
    """COPY is the driver's own word; its errors are told as the engine tells them elsewhere."""
    driver: Any = connection.connection.driver_connection
    module: Any = connection.dialect.loaded_dbapi
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            write = copy.write_row
            for record in records:
                write(record)
    except module.Error as error:
        raise DBAPIError.instance(statement, None, error, module.Error, hide_parameters=True) from error


def _add_on_sqlite(
    session: ScopedSession,
    key_row: type[TenantRow],
    row: type[TenantRow],
    names: Sequence[str],
    records: Sequence[tuple[Any, ...]],
) -> set[tuple[Any, ...]] | None:
    """All keys at once; where one was taken, again one by one, since only then does the engine say which. Then what they stand for."""
    connection, tenant_id, width = Session.connection(session), session.scope.tenant_id, len(_key_of(key_row))
    places = [names.index(name) for name in _columns_of(key_row)]
    keys = [(tenant_id, *(record[place] for place in places)) for record in records]
    statement = f"{_insert(key_row, _columns_of(key_row))} ON CONFLICT DO NOTHING"
    connection.exec_driver_sql("SAVEPOINT add_new")
    stored = None
    if connection.exec_driver_sql(statement, keys).rowcount != len(records):
        connection.exec_driver_sql("ROLLBACK TO add_new")
        free = [connection.exec_driver_sql(statement, key).rowcount == 1 for key in keys]
        records = [record for record, is_free in zip(records, free, strict=True) if is_free]
        stored = {record[:width] for record in records}
    if records:
        connection.exec_driver_sql(_insert(row, names), [(tenant_id, *record) for record in records])
    connection.exec_driver_sql("RELEASE add_new")
    return stored


def _insert(row: type[TenantRow], names: Sequence[str]) -> str:
    marks = ", ".join("?" * (len(names) + 1))
    return f"INSERT INTO {row.__tablename__} (tenant_id, {', '.join(names)}) VALUES ({marks})"  # noqa: S608 (names of mapped columns)


def _joined(table: str, name: str, how: Merge, *, is_sqlite: bool) -> str:
    """The expression that joins what is there with what comes; NULL is nothing."""
    there, comes = f"{table}.{name}", f"excluded.{name}"
    if is_sqlite:
        return f"uptier_{how.value}({there}, {comes})"
    return f"{there} + {comes}" if how is Merge.ADD else f"GREATEST({there}, {comes})"


def _teach_numbers(connection: Connection) -> None:
    """Exact arithmetic on digits for SQLite, whose own numbers are binary."""
    driver: Any = connection.connection.driver_connection
    driver.create_function("uptier_add", 2, _sqlite_add, deterministic=True)
    driver.create_function("uptier_largest", 2, _sqlite_largest, deterministic=True)


def _sqlite_add(there: str | int, comes: str | int) -> str | int:
    if isinstance(there, int) and isinstance(comes, int):
        return there + comes
    return f"{_EXACT.add(Decimal(there), Decimal(comes)):f}"


def _sqlite_largest(there: str | None, comes: str | None) -> str | None:
    if there is None or comes is None:
        return there if comes is None else comes
    return max(there, comes, key=Decimal)
