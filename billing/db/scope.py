"""The one place where a query learns whose data it may touch.

Three layers keep tenants apart (platform study, A5): every store works through a session bound to one scope; this module adds the tenant
to each statement and refuses, at flush, any row of another tenant; PostgreSQL repeats the check with forced row-level security.
A statement that this module cannot scope is refused, not run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from billing.db.base import Base, TenantRow

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
    """A session that belongs to one scope from its first to its last statement."""

    def __init__(self, *args: Any, scope: Scope, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scope = scope


@event.listens_for(ScopedSession, "do_orm_execute")
def _add_tenant(state: ORMExecuteState) -> None:
    session = state.session
    assert isinstance(session, ScopedSession)  # noqa: S101 (the listener is registered for this class alone)
    if not state.is_orm_statement:
        raise ScopeError("only statements over mapped rows can be scoped; write this one with the row's class")
    if state.is_insert:
        _stamp_parameters(state, session.scope)
        return
    tenant_id = session.scope.tenant_id
    state.statement = state.statement.options(
        with_loader_criteria(TenantRow, lambda row: row.tenant_id == tenant_id, include_aliases=True)
    )


def _stamp_parameters(state: ORMExecuteState, scope: Scope) -> None:
    parameters: Any = state.parameters
    rows: list[dict[str, Any]] = parameters if isinstance(parameters, list) else [parameters] if parameters else []
    if not rows:
        raise ScopeError("a bulk insert passes its rows as parameters, so that their tenant can be checked")
    for row in rows:
        if row.setdefault("tenant_id", scope.tenant_id) != scope.tenant_id:
            raise ScopeError("a bulk insert holds a row of another tenant")


@event.listens_for(ScopedSession, "before_flush")
def _check_rows(session: Session, _flush: UOWTransaction, _instances: object) -> None:
    assert isinstance(session, ScopedSession)  # noqa: S101 (the listener is registered for this class alone)
    for row in session.new:
        if isinstance(row, TenantRow) and getattr(row, "tenant_id", None) is None:
            row.tenant_id = session.scope.tenant_id
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, TenantRow) and row.tenant_id != session.scope.tenant_id:
            raise ScopeError(f"{type(row).__name__} of another tenant reached a flush")


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
