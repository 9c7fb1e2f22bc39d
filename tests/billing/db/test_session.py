"""A unit of work keeps all or nothing; a view sees one moment; instants and decimals come back as they went in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from billing.customers.store import CustomerStore
from billing.db.columns import ExactDecimal, Instant
from billing.db.scope import ScopeError
from billing.db.session import UnstorableError
from billing.kernel.errors import ConflictError, InvalidError
from tests.billing.db.pair import NOW, OURS, THEIRS, Pair

if TYPE_CHECKING:
    from decimal import Decimal

    from sqlalchemy import Dialect

    from billing.db.session import Database

ENGINES: list[Dialect] = [make() for make in (sqlite.dialect, postgresql.dialect)]


def _keys(pair: Pair) -> list[str]:
    with pair.database.view(pair.ours) as unit:
        return CustomerStore(unit).keys()


def test_a_unit_that_ends_well_is_kept(pair: Pair) -> None:
    """Another session sees it at once."""
    with pair.database.unit(pair.ours) as unit:
        CustomerStore(unit).ensure(["carl"], NOW)

    assert _keys(pair) == [*OURS, "carl"]


def test_a_unit_that_raises_leaves_nothing(pair: Pair) -> None:
    """Whatever was flushed before the error is gone, and the error itself arrives."""
    with pytest.raises(KeyError), pair.database.unit(pair.ours) as unit:
        _add_and_fail(CustomerStore(unit))

    assert _keys(pair) == OURS


def _add_and_fail(store: CustomerStore) -> None:
    store.ensure(["carl"], NOW)
    raise KeyError


def test_a_collision_is_a_conflict_that_names_the_constraint(pair: Pair) -> None:
    """The rows before it are gone too, and the unit's error is one that callers can read."""
    with pytest.raises(ConflictError) as refused, pair.database.unit(pair.ours) as unit:
        _add_and_collide(CustomerStore(unit))

    assert "customers" in refused.value.facts["constraint"]
    assert _keys(pair) == OURS


def _add_and_collide(store: CustomerStore) -> None:
    ann = store.get("ann")
    store.ensure(["carl"], NOW)
    store.add(replace(ann, id="cus_other"))


def test_a_view_sees_one_moment(pair: Pair) -> None:
    """What others commit between two of its reads does not show, so that sums and lists agree."""
    with pair.database.view(pair.ours) as unit:
        before = CustomerStore(unit).count()
        with pair.database.unit(pair.ours) as other:
            CustomerStore(other).ensure(["carl"], NOW)
        after = CustomerStore(unit).keys()

    assert (before, after) == (2, OURS)
    assert _keys(pair) == [*OURS, "carl"]


def test_a_unit_belongs_to_one_tenant_from_first_to_last(pair: Pair) -> None:
    """Two units side by side keep their own scopes, whichever was opened first."""
    with pair.database.view(pair.ours) as first, pair.database.view(pair.theirs) as second:
        found = [CustomerStore(unit).keys() for unit in (first, second, first)]

    assert found == [OURS, THEIRS, OURS]


def test_foreign_keys_are_enforced(pair: Pair) -> None:
    """Also on SQLite, where they are off unless asked for: another tenant's customer is not there to point at."""
    statement = text(
        "INSERT INTO ledger_transactions (tenant_id, key, at, description, customer_id)"
        " VALUES (:tenant, 'k', '2026-01-01', '', :id)"
    )
    values = {"tenant": pair.ours.tenant_id, "id": pair.ids["zed"]}
    with pair.database.engine.connect() as connection:
        if not pair.database.is_sqlite:
            connection.execute(text("SELECT set_config('uptier.tenant_id', :id, true)"), {"id": pair.ours.tenant_id})
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            connection.execute(statement, values)


def test_sqlite_waits_for_its_one_writer(sqlite_database: Database) -> None:
    """The write-ahead log lets readers go on while somebody writes, and a commit is on the disk before it is answered."""
    with sqlite_database.engine.connect() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}

    assert found == {"journal_mode": "wal", "synchronous": 2}


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_an_instant_keeps_its_moment_on_every_engine(moment: datetime, minutes: int) -> None:
    """To the microsecond, whatever zone it was told in."""
    shown = _shown(moment, minutes)
    for dialect in ENGINES:
        column = Instant()
        stored = column.process_bind_param(shown, dialect)
        assert column.process_result_value(stored, dialect) == moment


def _shown(moment: datetime, minutes: int) -> datetime:
    try:
        return moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:  # the first and the last hours of the calendar have no other zone
        return moment


def test_an_instant_without_a_zone_is_refused() -> None:
    """Its zone would be a guess."""
    with pytest.raises(InvalidError):
        Instant().process_bind_param(datetime(2026, 1, 1), ENGINES[0])  # noqa: DTZ001 (the point of the test)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20))
def test_a_decimal_keeps_every_digit(value: Decimal) -> None:
    """Also trailing zeros, and without an exponent."""
    column = ExactDecimal()
    stored = column.process_bind_param(value, ENGINES[0])

    assert stored is not None
    assert "E" not in stored
    assert column.process_result_value(stored, ENGINES[0]) == value


def test_a_scope_error_is_not_an_answer() -> None:
    """It is a bug, so no handler of readable errors catches it."""
    assert not issubclass(ScopeError, (ConflictError, InvalidError, ValueError))


@pytest.mark.parametrize("name", ["\ud800", "a\x00b", "x" * 501])
def test_a_value_that_the_engine_cannot_keep_is_a_readable_error(pair: Pair, name: str) -> None:
    """Half a character, a NUL, more than the column takes: PostgreSQL refuses all three, and nothing else of the unit is kept."""
    refuses = not pair.database.is_sqlite or name == "\ud800"
    try:
        with pair.database.unit(pair.ours) as unit:
            store = CustomerStore(unit)
            store.ensure(["carl"], NOW)
            store.add(replace(store.get("ann"), id="cus_x", key="x", name=name))
    except UnstorableError:
        assert refuses
        assert _keys(pair) == OURS
    else:
        assert not refuses
