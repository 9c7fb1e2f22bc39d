"""Row-level security on PostgreSQL: the third wall between tenants, which holds even where code forgets.

Policies compare the tenant column with a setting that each transaction makes for itself; the empty string that PostgreSQL leaves behind
after a transaction counts as nobody. The application's role owns no table and the policies are forced, so they bind the owner too.
Used by revisions, and where partitions are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.db.session import APP_ROLE

if TYPE_CHECKING:
    from collections.abc import Iterable

_CURRENT = "(SELECT nullif(current_setting('uptier.tenant_id', true), ''))"
_ROLE = f"""
DO $$ BEGIN
  CREATE ROLE {APP_ROLE} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""


def role_statements() -> list[str]:
    """The application's role: may use the schema, owns nothing. The owner may step down to it."""
    return [_ROLE, f"GRANT {APP_ROLE} TO CURRENT_USER", f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}"]


def isolate(tables: Iterable[str], *, append_only: Iterable[str] = ()) -> list[str]:
    """Statements that give each table to the application within one tenant; append-only tables may not be changed."""
    fixed = set(append_only)
    statements = []
    for table in tables:
        rights = "SELECT, INSERT" if table in fixed else "SELECT, INSERT, UPDATE, DELETE"
        statements += [f"GRANT {rights} ON {table} TO {APP_ROLE}", *fence([table])]
    return statements


def fence(tables: Iterable[str]) -> list[str]:
    """The policies alone, without a right for the application: for parts of a table that it reaches through the whole."""
    own = f"tenant_id = {_CURRENT}"
    return [
        statement
        for table in tables
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY tenant_isolation ON {table} USING ({own}) WITH CHECK ({own})",
        )
    ]


def isolate_tenants() -> list[str]:
    """The same for the list of tenants itself: the platform sees it, a tenant sees itself and its clients."""
    seen = f"{_CURRENT} = 'platform' OR id = {_CURRENT} OR parent_id = {_CURRENT}"
    return [
        f"GRANT SELECT, INSERT, UPDATE ON tenants TO {APP_ROLE}",
        "ALTER TABLE tenants ENABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenants FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant_isolation ON tenants USING ({seen}) WITH CHECK ({seen})",
    ]
