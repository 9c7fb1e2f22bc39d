"""The third wall between tenants: PostgreSQL itself refuses what code forgot, asked here in plain SQL as the application's role."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError, ProgrammingError

from billing.db.scope import PLATFORM_SCOPE, Scope, tenant_tables
from billing.db.session import APP_ROLE, Database
from tests.billing.db.every_table import metadata
from tests.billing.db.pair import OURS, THEIRS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Executable

    from tests.billing.db.pair import Pair

pytestmark = pytest.mark.servers

NOBODY = Scope("")
COUNT = text("SELECT count(*) FROM customers")


@contextmanager
def _as(pair: Pair, scope: Scope | None) -> Iterator[Connection]:
    """A connection of the application in a transaction that names a tenant, or none."""
    with pair.database.engine.connect() as connection, connection.begin():
        if scope is not None:
            connection.execute(text("SELECT set_config('uptier.tenant_id', :id, true)"), {"id": scope.tenant_id})
        yield connection


@contextmanager
def _as_owner(pair: Pair) -> Iterator[Connection]:
    engine = create_engine(pair.database.url)
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def _refused(connection: Connection, statement: str | Executable, **values: Any) -> bool:
    try:
        with connection.begin_nested():
            connection.execute(text(statement) if isinstance(statement, str) else statement, values)
    except ProgrammingError as error:
        return isinstance(error.orig, InsufficientPrivilege)
    return False


def test_who_names_no_tenant_sees_and_writes_nothing(postgres_pair: Pair) -> None:
    """In every table of tenants' data: without the setting, with the empty one, and as the platform, which is no tenant of them."""
    tables = metadata().tables
    for scope in (None, NOBODY, PLATFORM_SCOPE):
        with _as(postgres_pair, scope) as connection:
            for table in tenant_tables():
                assert connection.execute(select(func.count()).select_from(tables[table])).scalar() == 0, table
            assert connection.execute(text("UPDATE customers SET name = 'x'")).rowcount == 0
            insert = "INSERT INTO invoice_series (tenant_id, series, last_number) VALUES (:tenant, 'X', 1)"
            assert _refused(connection, insert, tenant=postgres_pair.ours.tenant_id)


def test_a_tenant_sees_its_own_rows_alone(postgres_pair: Pair) -> None:
    """No WHERE is needed, and naming the other tenant does not help."""
    with _as(postgres_pair, postgres_pair.ours) as connection:
        keys = connection.execute(text("SELECT key FROM customers ORDER BY key")).scalars().all()
        named = text("SELECT count(*) FROM customers WHERE tenant_id = :theirs")
        assert keys == OURS
        assert connection.execute(named, {"theirs": postgres_pair.theirs.tenant_id}).scalar() == 0


def test_a_tenant_changes_its_own_rows_alone(postgres_pair: Pair) -> None:
    """An update or delete of theirs finds no row, an insert for them and a gift to them are refused by the policy."""
    theirs = postgres_pair.theirs.tenant_id
    with _as(postgres_pair, postgres_pair.ours) as connection:
        change = text("UPDATE customers SET name = 'x' WHERE id = :id")
        assert connection.execute(change, {"id": postgres_pair.ids["zed"]}).rowcount == 0
        remove = text("DELETE FROM outbox WHERE tenant_id = :theirs")
        assert connection.execute(remove, {"theirs": theirs}).rowcount == 0
        insert = "INSERT INTO invoice_series (tenant_id, series, last_number) VALUES (:tenant, 'X', 1)"
        assert _refused(connection, insert, tenant=theirs)
        assert _refused(connection, "UPDATE customers SET tenant_id = :tenant", tenant=theirs)
        assert not _refused(connection, insert, tenant=postgres_pair.ours.tenant_id)


def test_the_setting_ends_with_its_transaction(postgres_pair: Pair) -> None:
    """The next use of a pooled connection starts as nobody: PostgreSQL leaves an empty text behind, which counts as none."""
    one = Database(postgres_pair.database.url.render_as_string(hide_password=False), pool_size=1)
    for end in ("commit", "rollback"):
        with one.engine.connect() as connection:
            process = connection.execute(text("SELECT pg_backend_pid()")).scalar()
            connection.execute(
                text("SELECT set_config('uptier.tenant_id', :id, true)"), {"id": postgres_pair.ours.tenant_id}
            )
            assert connection.execute(COUNT).scalar() == len(OURS)
            getattr(connection, end)()
        with one.engine.connect() as connection:
            assert connection.execute(text("SELECT pg_backend_pid()")).scalar() == process
            assert connection.execute(text("SELECT current_setting('uptier.tenant_id', true)")).scalar() == ""
            assert connection.execute(COUNT).scalar() == 0
    with one.unit(postgres_pair.theirs), one.view(postgres_pair.ours):
        pass
    one.close()


def test_a_failed_transaction_leaves_no_tenant_behind(postgres_pair: Pair) -> None:
    """An error in the middle of a unit gives the connection back as nobody's."""
    one = Database(postgres_pair.database.url.render_as_string(hide_password=False), pool_size=1)
    with pytest.raises(KeyError), one.unit(postgres_pair.ours):
        raise KeyError
    with one.engine.connect() as connection:
        assert connection.execute(COUNT).scalar() == 0
        assert connection.execute(text("SELECT current_user")).scalar() == APP_ROLE
    one.close()


def test_the_owner_of_the_tables_is_bound_too(postgres_pair: Pair) -> None:
    """Row security is forced: an ordinary owner sees nothing without a tenant, and that tenant's rows with one."""
    with _as_owner(postgres_pair) as connection:
        for statement in (
            "CREATE ROLE uptier_test_owner NOLOGIN",
            "GRANT USAGE, CREATE ON SCHEMA public TO uptier_test_owner",
            "ALTER TABLE customers OWNER TO uptier_test_owner",
            "SET LOCAL ROLE uptier_test_owner",
        ):
            connection.execute(text(statement))
        assert connection.execute(COUNT).scalar() == 0
        connection.execute(
            text("SELECT set_config('uptier.tenant_id', :id, true)"), {"id": postgres_pair.theirs.tenant_id}
        )
        assert connection.execute(COUNT).scalar() == len(THEIRS)


def test_the_applications_role_is_no_more_than_it_needs(postgres_pair: Pair) -> None:
    """It cannot log in, owns nothing, bypasses nothing, makes nothing, and may not switch the policies off."""
    with _as(postgres_pair, postgres_pair.ours) as connection:
        rights = connection.execute(
            text("SELECT rolsuper, rolbypassrls, rolcanlogin, rolcreaterole FROM pg_roles WHERE rolname = current_user")
        ).one()
        owned = connection.execute(
            text("SELECT count(*) FROM pg_class JOIN pg_roles o ON o.oid = relowner WHERE rolname = current_user")
        )
        assert tuple(rights) == (False, False, False, False)
        assert owned.scalar() == 0
        for statement in (
            "CREATE TABLE mine (id int)",
            "ALTER TABLE customers DISABLE ROW LEVEL SECURITY",
            "DROP POLICY tenant_isolation ON customers",
            "TRUNCATE customers",
            "DROP TABLE customers",
            "DELETE FROM tenants",
            "SET LOCAL row_security = off; SELECT * FROM customers",
        ):
            assert _refused(connection, statement), statement


@pytest.mark.parametrize("name", ["ledger_transactions", "ledger_entries", "subscription_events", "plan_versions"])
def test_books_and_history_are_only_added_to(postgres_pair: Pair, name: str) -> None:
    """The application may insert and read there; to change or delete a row is not its right."""
    table = metadata().tables[name]
    with _as(postgres_pair, postgres_pair.ours) as connection:
        assert _refused(connection, table.update().values(tenant_id=table.c.tenant_id))
        assert _refused(connection, table.delete())
        assert not _refused(connection, table.select())


def test_a_foreign_key_cannot_point_at_another_tenants_row(postgres_pair: Pair) -> None:
    """Foreign keys are checked past the policies, so each carries the tenant: theirs is not there, even for the superuser."""
    values = {"tenant": postgres_pair.ours.tenant_id, "id": postgres_pair.ids["zed"]}
    insert = text(
        "INSERT INTO ledger_transactions (tenant_id, key, at, description, customer_id)"
        " VALUES (:tenant, 'k', now(), '', :id)"
    )
    for session in (_as(postgres_pair, postgres_pair.ours), _as_owner(postgres_pair)):
        with session as connection, pytest.raises(IntegrityError, match="fk_ledger_transactions"):
            connection.execute(insert, values)


def test_the_list_of_tenants_shows_each_its_own(postgres_pair: Pair) -> None:
    """The platform sees all, a tenant sees itself and its clients, nobody sees none; a client cannot be given to another's reseller."""
    client = (
        "INSERT INTO tenants (id, parent_id, name, currency, zone, mode, created_at)"
        " VALUES ('ten_client', :parent, 'Client', 'EUR', 'UTC', 'test', now())"
    )
    listed = text("SELECT id FROM tenants")
    ours, theirs = postgres_pair.ours.tenant_id, postgres_pair.theirs.tenant_id
    with _as(postgres_pair, postgres_pair.ours) as connection:
        assert _refused(connection, client, parent=theirs)
        assert _refused(connection, client, parent=None)
        assert not _refused(connection, client, parent=ours)
    seen = {}
    for name, scope in {"ours": postgres_pair.ours, "theirs": postgres_pair.theirs, "all": PLATFORM_SCOPE}.items():
        with _as(postgres_pair, scope) as connection:
            seen[name] = set(connection.execute(listed).scalars())
    assert seen == {"ours": {ours, "ten_client"}, "theirs": {theirs}, "all": {ours, theirs, "ten_client"}}
    with _as(postgres_pair, None) as connection:
        assert connection.execute(listed).all() == []


def test_a_view_is_read_only_to_the_engine_too(postgres_pair: Pair) -> None:
    """PostgreSQL itself refuses a write in the transaction of a view."""
    with postgres_pair.database.view(postgres_pair.ours) as unit:
        found = unit.session.get_bind()
    with found.connect() as connection, pytest.raises(DBAPIError, match="read-only"):  # type: ignore[union-attr]
        connection.execute(text("INSERT INTO invoice_series VALUES ('a', 'b', 1)"))


def test_every_table_of_a_tenant_is_behind_the_wall(postgres_pair: Pair) -> None:
    """A new table without forced row security, its policy, or the application's rights fails here."""
    metadata()
    query = text(
        "SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity AND count(p.oid) = 1"
        " AND has_table_privilege(:role, c.oid, 'SELECT') AND bool_and(p.polcmd = '*' AND p.polpermissive"
        " AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL AND p.polroles = '{0}')"
        " FROM pg_class c LEFT JOIN pg_policy p ON p.polrelid = c.oid"
        " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " GROUP BY c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity"
    )
    with _as_owner(postgres_pair) as connection:
        walled = {str(table): safe for table, safe in connection.execute(query, {"role": APP_ROLE})}
        functions = text("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
        assert connection.execute(functions).scalar() == 0

    assert walled.pop("alembic_version") is False
    assert walled == dict.fromkeys([*tenant_tables(), "tenants"], True)
