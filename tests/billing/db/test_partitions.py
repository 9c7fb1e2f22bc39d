"""Partitions of events: made ahead, walled, never in the way of an event, and dropped when nobody can see a row in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from billing.db.partitions import (
    REST,
    drop_emptied,
    list_partitions,
    make_ahead,
    make_partitions,
    months_ahead,
    name_of,
)
from billing.metering.ingest import ingest
from billing.metering.put_away import archive_month, restore_month
from billing.metering.store import EventStore
from tests.shop import START, delivery, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database
    from tests.shop import Shop

pytestmark = pytest.mark.servers
OCTOBER, NOVEMBER, DECEMBER = (datetime(2025, month, 1, tzinfo=UTC) for month in (10, 11, 12))


@pytest.fixture
def shop(postgres_database: Database) -> Shop:
    """A shop on PostgreSQL."""
    return open_shop(postgres_database)


def _url(shop: Shop) -> str:
    return shop.database.url.render_as_string(hide_password=False)


def _rows(shop: Shop, table: str) -> int:
    engine = create_engine(shop.database.url)
    with engine.connect() as connection:
        found: Any = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()  # noqa: S608 (constants)
    engine.dispose()
    return int(found)


def _send(shop: Shop, event_id: str, at: datetime) -> int:
    with shop.database.unit(shop.scope) as unit:
        return ingest(unit, [delivery("ann", event_id, at)], now=START).accepted


def test_an_event_goes_to_the_partition_of_its_month_or_to_the_rest(shop: Shop) -> None:
    """The last microsecond of a month belongs to it."""
    make_partitions(_url(shop), [NOVEMBER])
    last = datetime(2025, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
    for place, at in enumerate((NOVEMBER, last, DECEMBER, datetime(1970, 1, 1, tzinfo=UTC))):
        assert _send(shop, str(place), at) == 1

    assert (_rows(shop, name_of(NOVEMBER)), _rows(shop, REST)) == (2, 2)


def test_the_same_id_in_another_month_is_a_duplicate(shop: Shop) -> None:
    """Identities are unique over all partitions."""
    make_partitions(_url(shop), [NOVEMBER, DECEMBER])
    assert _send(shop, "1", NOVEMBER) == 1
    assert _send(shop, "1", DECEMBER) == 0

    assert (_rows(shop, name_of(NOVEMBER)), _rows(shop, name_of(DECEMBER))) == (1, 0)


def test_months_are_made_ahead_once(shop: Shop) -> None:
    """The present one and three more; the second run finds nothing to do."""
    made = make_ahead(shop.database, START)

    assert [month.month for month in made.made] == [1, 2, 3, 4]
    assert made.failed == ()
    assert make_ahead(shop.database, START).made == ()
    assert [each.month for each in list_partitions(_url(shop))] == [*months_ahead(START), None]


def test_a_month_whose_events_lie_in_the_rest_is_not_made_and_nothing_moves(shop: Shop) -> None:
    """The answer says why; the other months are made."""
    _send(shop, "1", NOVEMBER)

    made = make_partitions(_url(shop), [OCTOBER, NOVEMBER, DECEMBER])

    assert made.made == (OCTOBER, DECEMBER)
    ((month, why),) = made.failed
    assert (month, "holds events of this month" in why) == (NOVEMBER, True)
    assert _rows(shop, REST) == 1


@pytest.mark.parametrize("partition", [name_of(NOVEMBER), REST])
def test_a_partition_is_behind_the_wall(shop: Shop, partition: str) -> None:
    """The application cannot reach it by its own name; through the table each tenant sees its own. Its owner is bound too."""
    make_partitions(_url(shop), [NOVEMBER])
    other = open_shop(shop.database, "Leaf Lane")
    _send(shop, "1", NOVEMBER)
    _send(other, "1", NOVEMBER)
    for statement in (f"SELECT * FROM {partition}", f"DELETE FROM {partition}", f"TRUNCATE {partition}"):  # noqa: S608 (constants)
        with shop.database.engine.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
            connection.execute(text(statement))
    with shop.database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar() == 0
        connection.execute(text("SELECT set_config('uptier.tenant_id', :id, true)"), {"id": other.scope.tenant_id})
        assert connection.execute(text("SELECT tenant_id FROM events")).scalars().all() == [other.scope.tenant_id]
    engine = create_engine(shop.database.url)
    with engine.connect() as connection:
        walls = text("SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = CAST(:name AS regclass)")
        assert connection.execute(walls, {"name": partition}).scalar() is True
        policies = text("SELECT count(*) FROM pg_policy WHERE polrelid = CAST(:name AS regclass)")
        assert connection.execute(policies, {"name": partition}).scalar() == 1
    engine.dispose()


def test_an_emptied_partition_is_dropped_when_nobody_sees_its_rows(shop: Shop, tmp_path: Path) -> None:
    """Not while it holds an event, nor while an older view could ask for what was in it; late events go to the rest afterwards."""
    make_partitions(_url(shop), [NOVEMBER])
    _send(shop, "1", NOVEMBER)
    assert not drop_emptied(_url(shop), NOVEMBER)
    with shop.database.view(shop.scope) as unit:
        assert _look(unit) == 1  # a view's instant is that of its first statement
        archive_month(shop.database, shop.scope, tmp_path, NOVEMBER, now=START)
        assert not drop_emptied(_url(shop), NOVEMBER)
        assert _look(unit) == 1

    assert drop_emptied(_url(shop), NOVEMBER)
    assert not drop_emptied(_url(shop), NOVEMBER)
    assert [each.month for each in list_partitions(_url(shop))] == [None]
    assert _send(shop, "1", NOVEMBER) == 0
    assert _send(shop, "2", NOVEMBER) == 1
    assert _rows(shop, REST) == 1
    (restored,) = restore_month(shop.database, shop.scope, NOVEMBER)
    assert (restored.rows, _rows(shop, "events")) == (1, 2)


def _look(unit: Any) -> int:
    return sum(1 for _ in EventStore(unit).rows_before(START))
