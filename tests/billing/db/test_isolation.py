"""The second wall between tenants, on both engines: a session sees and writes its own tenant's rows, or refuses the statement.

SQLite has no third wall, so what passes here passes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import (
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    literal_column,
    select,
    table,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.orm import aliased

from billing.customers.store import CustomerStore
from billing.customers.tables import CustomerRow
from billing.db.base import Base
from billing.db.scope import ScopeError
from billing.db.tables import OutboxRow
from billing.db.upsert import insert_new, insert_new_silently
from billing.kernel.errors import ConflictError
from tests.billing.db.pair import NOW, OURS, THEIRS, Pair, customer_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from billing.db.scope import ScopedSession
    from billing.db.session import Unit

Row = CustomerRow
First, Second = aliased(CustomerRow), aliased(CustomerRow)
Bare = Base.metadata.tables["customers"]


def _keys(pair: Pair, scope: Any) -> list[str]:
    with pair.database.view(scope) as unit:
        return CustomerStore(unit).keys()


def _refuses(pair: Pair, act: Callable[..., object]) -> bool:
    try:
        with pair.database.unit(pair.ours) as unit:
            act(unit.session, pair)
    except ScopeError:
        return True
    return False


def _named_theirs(row: Any = First) -> Any:
    return row.key.in_(THEIRS)


def _chain() -> Any:
    steps = select(Row.key.label("key"), literal(0).label("depth")).cte("steps", recursive=True)
    further = select(Row.key, steps.c.depth + 1).join(steps, steps.c.key == Row.key).where(steps.c.depth < 1)
    return select(steps.union_all(further).c.key)


READS: dict[str, tuple[Any, list[Any]]] = {
    "columns": (select(Row.key), OURS),
    "an alias": (select(First.key), OURS),
    "a count": (select(func.count()).select_from(Row), [2]),
    "a count of a column": (select(func.count(Row.id)), [2]),
    "an aggregate": (select(func.max(Row.key)), ["bob"]),
    "a case": (select(case((_named_theirs(), 1), else_=0)), [0, 0]),
    "a subquery": (select(select(Row.key).subquery().c.key), OURS),
    "a scalar subquery": (select(select(func.count(Row.id)).scalar_subquery()), [2]),
    "a scalar subquery beside a constant": (
        select(literal("n"), select(func.count(Row.id)).scalar_subquery()),
        [("n", 2)],
    ),
    "a CTE": (select(select(Row.key).cte().c.key), OURS),
    "a recursive CTE": (_chain(), ["ann", "ann", "bob", "bob"]),
    "a union": (select(Row.key).union(select(First.key)), OURS),
    "a union of all": (union_all(select(First.key), select(Second.key)), ["ann", "ann", "bob", "bob"]),
    "a union inside": (
        select(union_all(select(Row.key), select(First.key)).subquery().c.key),
        ["ann", "ann", "bob", "bob"],
    ),
    "a join with itself": (
        select(First.key, Second.key).join(Second, First.id != Second.id),
        [("ann", "bob"), ("bob", "ann")],
    ),
    "a join that is only filtered by": (select(Row.key).join(First, true()).where(_named_theirs()), []),
    "a correlated count": (
        select(First.key, select(func.count(Second.id)).where(Second.key > First.key).scalar_subquery()),
        [("ann", 1), ("bob", 0)],
    ),
    "an IN": (select(Row.key).where(Row.id.in_(select(First.id))), OURS),
    "an EXISTS": (select(Row.key).where(exists().where(_named_theirs())), []),
    "an EXISTS of a constant": (select(Row.key).where(exists(select(literal(1)).where(_named_theirs()))), []),
    "a table named in WHERE alone": (select(literal(1)).where(_named_theirs(Row)), []),
    "a grouping": (select(Row.country, func.count()).group_by("country"), [("", 2)]),
    "rows locked for a change": (select(Row.key).where(_named_theirs(Row)).with_for_update(), []),
}


def test_every_form_of_reading_sees_its_own_tenant_alone(pair: Pair) -> None:
    """Columns, aggregates, aliases, subqueries, CTEs, unions and joins answer as if the other tenant were not there."""
    with pair.database.unit(pair.ours) as unit:
        for form, (statement, expected) in READS.items():
            found = sorted(row[0] if len(row) == 1 else tuple(row) for row in unit.session.execute(statement))
            assert found == expected, form


UNSCOPED: dict[str, Any] = {
    "a bare table's column": select(Bare.c.key),
    "a bare table's column beside ours": select(Row.key, Bare.c.name),
    "an alias of a bare table": select(Row.key, Bare.alias().c.key),
    "a bare table in a scalar subquery": select(Row.key, select(func.count(Bare.c.id)).scalar_subquery()),
    "a bare table in EXISTS": select(Row.key).where(exists(select(literal(1)).select_from(Bare))),
    "a bare table in IN": select(Row.key).where(Row.id.in_(select(Bare.c.id))),
    "a bare table in a CTE": select(Row.key, select(Bare.c.key).cte().c.key),
    "a bare table in a union": select(Row.key).union(select(Bare.c.key)),
    "a bare table joined": select(Row.key).join(Bare.alias(), true()),
    "a bare table joined inside": select(Row.key).select_from(Row).join(First, true()).join(Bare.alias(), true()),
    "a table made on the spot": select(Row.key).select_from(Row, table("ledger_entries")),
    "text": text("SELECT key FROM customers"),
    "text as the source of rows": select(Row).from_statement(text("SELECT * FROM customers")),
    "text as a column": select(Row.key, text("(SELECT count(*) FROM customers)")),
    "text as a condition": select(Row.key).where(text("1 = 1 OR 1 = 1")),
    "a literal column": select(Row.key, literal_column("(SELECT count(*) FROM customers)")),
    "a bare update": Bare.update().values(name="x"),
    "a bare delete": Bare.delete(),
    "an update that looks elsewhere": update(Row).where(Row.id.in_(select(Bare.c.id))).values(name="x"),
    "a delete that looks elsewhere": delete(Row).where(Row.id.in_(select(Bare.c.id))),
}


def test_a_statement_that_cannot_be_scoped_is_refused(pair: Pair) -> None:
    """Text and bare tables would read past the tenant, so they are refused wherever they stand in a statement."""
    for form, statement in UNSCOPED.items():
        assert _refuses(pair, lambda session, _, statement=statement: session.execute(statement)), form


def test_writing_by_statement_reaches_its_own_rows_alone(pair: Pair) -> None:
    """An update and a delete without a condition change what is ours; naming a row of theirs changes nothing."""
    with pair.database.unit(pair.ours) as unit:
        unit.session.execute(update(Row).values(name="ours"))
        unit.session.execute(update(Row).where(Row.id == pair.ids["zed"]).values(name="theirs"))
        unit.session.execute(delete(Row).where(_named_theirs(Row)))
        unit.session.execute(delete(OutboxRow))

    with pair.database.view(pair.theirs) as unit:
        found = unit.session.execute(select(Row.key, Row.name).order_by(Row.key)).all()
    assert [tuple(row) for row in found] == [(key, "") for key in THEIRS]


def _insert_inline(session: ScopedSession, pair: Pair) -> None:
    session.execute(insert(Row).values(**customer_row(tenant_id=pair.theirs.tenant_id)))


def _insert_partly_inline(session: ScopedSession, pair: Pair) -> None:
    session.execute(insert(Row).values(tenant_id=pair.theirs.tenant_id), [customer_row()])


def _insert_many_inline(session: ScopedSession, pair: Pair) -> None:
    session.execute(insert(Row).values([customer_row(tenant_id=pair.theirs.tenant_id)]))


def _insert_by_column(session: ScopedSession, pair: Pair) -> None:
    parameters: Any = [{**customer_row(), Row.tenant_id: pair.theirs.tenant_id}]
    session.execute(insert(Row), parameters)


def _insert_from_rows_of_another_table(session: ScopedSession, pair: Pair) -> None:
    names = ["tenant_id", "source", "event_id"]
    session.execute(insert(Row).from_select(names, select(literal(pair.theirs.tenant_id), Row.id, Row.id)), [{}])


def _update_by_key(session: ScopedSession, pair: Pair) -> None:
    session.execute(update(Row), [{"tenant_id": pair.theirs.tenant_id, "id": pair.ids["zed"], "name": "x"}])


FOREIGN_WRITES: dict[str, Callable[[Any, Pair], object]] = {
    "a row": lambda session, pair: session.add(Row(**customer_row(tenant_id=pair.theirs.tenant_id))),
    "a merged row": lambda session, pair: session.merge(Row(**customer_row(tenant_id=pair.theirs.tenant_id))),
    "a bulk insert": lambda session, pair: session.execute(
        insert(Row), [customer_row(tenant_id=pair.theirs.tenant_id)]
    ),
    "a bulk insert with one row of theirs": lambda session, pair: session.execute(
        insert(Row), [customer_row(), customer_row(id="cus_2", key="2", tenant_id=pair.theirs.tenant_id)]
    ),
    "an inline insert": _insert_inline,
    "a partly inline insert": _insert_partly_inline,
    "an inline insert of many": _insert_many_inline,
    "an insert named by column": _insert_by_column,
    "an insert from a query": _insert_from_rows_of_another_table,
    "insert_new": lambda session, pair: insert_new(
        session, Row, [customer_row(tenant_id=pair.theirs.tenant_id)], (Row.id,)
    ),
    "insert_new_silently": lambda session, pair: insert_new_silently(
        session, Row, [customer_row(tenant_id=pair.theirs.tenant_id)]
    ),
    "an update by primary key": _update_by_key,
    "giving a row away": lambda session, pair: session.execute(update(Row).values(tenant_id=pair.theirs.tenant_id)),
    "giving a row away by parameter": lambda session, pair: session.execute(
        update(Row).where(Row.key == "ann"), {"tenant_id": pair.theirs.tenant_id}
    ),
    "bulk_save_objects": lambda session, _: session.bulk_save_objects([Row(**customer_row())]),
    "bulk_insert_mappings": lambda session, _: session.bulk_insert_mappings(Row, [customer_row()]),
    "bulk_update_mappings": lambda session, _: session.bulk_update_mappings(Row, [customer_row()]),
    "a bare connection": lambda session, _: session.connection(),
}


def test_no_write_leaves_the_tenant(pair: Pair) -> None:
    """Each way of writing a row of another tenant is refused before it reaches the engine, and nothing is stored."""
    for form, write in FOREIGN_WRITES.items():
        assert _refuses(pair, write), form
    assert (_keys(pair, pair.ours), _keys(pair, pair.theirs)) == (OURS, THEIRS)


def test_a_row_of_ours_cannot_be_given_away(pair: Pair) -> None:
    """Changing the tenant of a loaded row is refused at flush."""
    with pytest.raises(ScopeError), pair.database.unit(pair.ours) as unit:
        unit.session.scalars(select(Row)).first().tenant_id = pair.theirs.tenant_id  # type: ignore[union-attr]

    assert _keys(pair, pair.theirs) == THEIRS


def test_bulk_inserts_are_given_the_tenant(pair: Pair) -> None:
    """Rows without a tenant become ours; `insert_new` answers for those that were not there."""
    rows = [customer_row(id=f"cus_{key}", key=key) for key in ("carl", "dora")]
    with pair.database.unit(pair.ours) as unit:
        unit.session.execute(insert(Row), [dict(rows[0])])
        fresh = insert_new(unit.session, Row, [dict(row) for row in rows], (Row.key,))
        insert_new_silently(unit.session, Row, [dict(row) for row in rows])

    assert fresh == [("dora",)]
    assert (_keys(pair, pair.ours), _keys(pair, pair.theirs)) == (["ann", "bob", "carl", "dora"], THEIRS)


def test_the_same_key_may_be_used_by_two_tenants(pair: Pair) -> None:
    """A unique key is unique within its tenant, so that nobody learns what another has; within one it still is."""
    with pair.database.unit(pair.ours) as unit:
        CustomerStore(unit).ensure(["zed"], NOW)

    assert _keys(pair, pair.ours) == ["ann", "bob", "zed"]
    with pytest.raises(ConflictError), pair.database.unit(pair.ours) as unit:
        unit.session.add(Row(**customer_row(key="zed")))


VIEW_WRITES: dict[str, Callable[[Unit], object]] = {
    "a flush": lambda unit: CustomerStore(unit).ensure(["new"], NOW),
    "an added row": lambda unit: unit.emit("kind", "key", {}, NOW),
    "an insert": lambda unit: unit.session.execute(insert(Row), [customer_row()]),
    "insert_new": lambda unit: insert_new(unit.session, Row, [customer_row()], (Row.id,)),
    "an update": lambda unit: unit.session.execute(update(Row).values(name="x")),
    "a delete": lambda unit: unit.session.execute(delete(OutboxRow)),
    "a changed row": lambda unit: setattr(unit.session.scalars(select(Row)).first(), "name", "x"),
}


def test_a_view_refuses_to_write(pair: Pair) -> None:
    """Whatever is asked of it, and never by forgetting it in silence."""
    for form, write in VIEW_WRITES.items():
        with pytest.raises(ScopeError, match="view"), pair.database.view(pair.ours) as unit:
            write(unit)
        assert _keys(pair, pair.ours) == OURS, form
