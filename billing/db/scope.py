"""The one place where a query learns whose data it may touch.

Three layers keep tenants apart (platform study, A5): every store works through a session bound to one scope; this module adds the tenant
to each statement and refuses, at flush, any row of another tenant; PostgreSQL repeats the check with forced row-level security.
A statement that this module cannot scope is refused, not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from sqlalchemy import event, text
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from billing.db.base import Base, TenantRow
from billing.db.statement import inline_values, unscoped_part

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import SessionTransaction, UOWTransaction

PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a unit of work may see and write."""

    tenant_id: str


PLATFORM_SCOPE = Scope(PLATFORM)
"""The operator of the installation: sees the list of tenants, and no tenant's data."""


class ScopeError(RuntimeError):
    """A bug: code tried to reach beyond its tenant. Never caught, never shown."""


class ScopedSession(Session):
    """A session that belongs to one scope from its first to its last statement. The ways around its checks are closed."""

    def __init__(self, *args: Any, scope: Scope, read_only: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope
        self.read_only = read_only

    def connection(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: a bare connection knows no tenant."""
        raise ScopeError("a bare connection knows no tenant; execute statements over mapped rows")

    def bulk_save_objects(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: it passes the check at flush by."""
        raise ScopeError("bulk_* methods pass the tenant's check by; use add_all, or execute an insert with parameters")

    bulk_insert_mappings = bulk_save_objects
    bulk_update_mappings = bulk_save_objects


@event.listens_for(ScopedSession, "do_orm_execute")
def _add_tenant(state: ORMExecuteState) -> None:
    session = state.session
    assert isinstance(session, ScopedSession)  # noqa: S101 (the listener is registered for this class alone)
    if not state.is_orm_statement:
        raise ScopeError("only statements over mapped rows can be scoped; write this one with the row's class")
    part = unscoped_part(state.statement)
    if part is not None:
        raise ScopeError(f"the statement holds {part}, which no tenant can be added to; write it with the row's class")
    if session.read_only and not state.is_select:
        raise ScopeError("a view was asked to write; open a unit instead")
    if state.is_insert:
        _check_insert(state, session.scope)
        return
    if state.is_update:
        _check_update(state, session.scope)
    tenant_id = session.scope.tenant_id
    state.statement = state.statement.options(
        with_loader_criteria(TenantRow, lambda row: row.tenant_id == tenant_id, include_aliases=True)
    )


def _check_insert(state: ORMExecuteState, scope: Scope) -> None:
    rows = _parameter_rows(state)
    statement: Any = state.statement
    if not rows or inline_values(statement):
        raise ScopeError("a bulk insert passes its rows as parameters, so that their tenant can be checked")
    _stamp(rows, scope)


def _check_update(state: ORMExecuteState, scope: Scope) -> None:
    rows = _parameter_rows(state)
    statement: Any = state.statement
    if "tenant_id" in inline_values(statement):
        raise ScopeError("a row never moves to another tenant")
    if isinstance(state.parameters, dict):
        rows = [row for row in rows if "tenant_id" in row]
    _stamp(rows, scope)


def _parameter_rows(state: ORMExecuteState) -> list[dict[str, Any]]:
    parameters: Any = state.parameters
    rows = list(parameters) if isinstance(parameters, (list, tuple)) else [parameters] if parameters else []
    if not all(isinstance(name, str) for row in rows for name in row):
        raise ScopeError("a statement's parameters are named by texts, so that their tenant can be checked")
    return rows


def _stamp(rows: list[dict[str, Any]], scope: Scope) -> None:
    for row in rows:
        if row.setdefault("tenant_id", scope.tenant_id) != scope.tenant_id:
            raise ScopeError("a bulk write holds a row of another tenant")


@event.listens_for(ScopedSession, "before_flush")
def _check_rows(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    assert isinstance(session, ScopedSession)  # noqa: S101 (the listener is registered for this class alone)
    if session.read_only:
        refuse_changes(session)
    for row in session.new:
        if isinstance(row, TenantRow) and getattr(row, "tenant_id", None) is None:
            row.tenant_id = session.scope.tenant_id
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, TenantRow) and row.tenant_id != session.scope.tenant_id:
            raise ScopeError(f"{type(row).__name__} of another tenant reached a flush")


def refuse_changes(session: Session) -> None:
    """An error when a read-only session holds something that waits to be written."""
    if session.new or session.dirty or session.deleted:
        raise ScopeError("a view was asked to write; open a unit instead")


@event.listens_for(ScopedSession, "after_begin")
def _tell_the_engine(session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        assert isinstance(session, ScopedSession)  # noqa: S101 (the listener is registered for this class alone)
        connection.execute(
            text("SELECT set_config('uptier.tenant_id', :tenant, true)"), {"tenant": session.scope.tenant_id}
        )


def tenant_tables() -> list[str]:
    """Every table that carries a tenant, for the migration that turns on row-level security and the test that checks it."""
    return sorted(table.name for table in Base.metadata.tables.values() if "tenant_id" in table.columns)
