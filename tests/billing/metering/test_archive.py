"""Archives: usage is the same before a month is put away, while it lies in a file, and after it came back; nothing is ever lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.catalog.item import Aggregation, Meter
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from billing.kernel.period import Period
from billing.metering.amend import AlreadyAmendedError, amend
from billing.metering.archive import EventArchivedError
from billing.metering.archive_store import ArchiveStore
from billing.metering.by_window import usage_by_window
from billing.metering.ingest import ingest
from billing.metering.listing_store import EventListing
from billing.metering.measured import Need
from billing.metering.put_away import archivable, archive_month, restore_month
from billing.metering.roll_up import prove_rollups, roll_up_new
from billing.metering.rollup import ROLLED
from billing.metering.store import EventStore
from billing.metering.windows import Window, windows
from billing.revenue.check import usage
from tests.billing.metering.test_measure import odd
from tests.billing.metering.test_rollups import values
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database

FEW = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NOVEMBER, DECEMBER, JANUARY = (
    datetime(2025, 11, 1, tzinfo=UTC),
    datetime(2025, 12, 1, tzinfo=UTC),
    START.replace(day=1, hour=0),
)
EVER = Period(NOVEMBER, START)
SPANS = (
    EVER,
    Period(DECEMBER + timedelta(minutes=7), JANUARY + timedelta(minutes=90)),
    Period(JANUARY, START),
)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


@st.composite
def events(draw: st.DrawFn) -> list[tuple[str, int, Any, Any, Any]]:
    """(customer, minutes after the beginning of November, value, region, operation) of events, crowded around the ends of months."""
    edges = st.sampled_from([0, 30 * 1440, 61 * 1440]).flatmap(lambda at: st.integers(max(0, at - 90), at + 90))
    return [
        (
            draw(st.sampled_from(["ann", "bob"])),
            draw(edges | st.integers(0, 91 * 1440)),
            draw(values | odd),
            draw(st.sampled_from(["eu", "us", True, 1, None])),
            draw(st.sampled_from(["add", "remove", None])),
        )
        for _ in range(draw(st.integers(0, 12)))
    ]


def _documents(kind: str, found: list[tuple[str, int, Any, Any, Any]], start: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{kind}-{number}",
            "type": kind,
            "customer": customer,
            "time": (NOVEMBER + timedelta(minutes=minutes)).isoformat(),
            "data": {"value": value, "region": region, "op": op},
        }
        for number, (customer, minutes, value, region, op) in enumerate(found, start)
    ]


def _meters(kind: str) -> list[Meter]:
    made = []
    for aggregation in Aggregation:
        for filters in ({}, {"region": ("eu", "true")}):
            operation = "op" if aggregation is Aggregation.UNIQUE and filters else None
            key = f"{kind}-{aggregation.value}-{len(filters)}"
            prop = None if aggregation is Aggregation.COUNT else "value"
            made.append(
                Meter(
                    key=key,
                    name="M",
                    event_type=kind,
                    aggregation=aggregation,
                    prop=prop,
                    filters=filters,
                    operation=operation,
                    groups=("region",),
                )
            )
    return made


def _answers(shop: Shop, kind: str, meters: list[Meter]) -> list[Any]:
    """All that can be asked about the events of a type."""
    found: list[Any] = []
    with shop.database.view(shop.scope) as unit:
        assert list(usage.check(unit)) == []
        store, who = EventStore(unit), CustomerStore(unit).ids_by_key(["ann", "bob"])
        for span in SPANS:
            for meter in meters:
                for need in (Need(), Need(dimensions=("region",))):
                    found += store.measure_many(meter, need, dict.fromkeys(who.values(), span)).items()
                found += usage_by_window(unit, who["ann"], meter, windows(span, Window.MONTH, "Asia/Kolkata"), Need())
            found.append(store.counts(kind, span))
            found.append(store.changed_since(who["ann"], START, span))
        found += [store.late_spans(None, since) for since in (DECEMBER, START)]
        found += [store.late_spans(who.values(), START), store.spans_known_since(JANUARY)]
        for moment in (DECEMBER, START):
            found.append([row for row in store.rows_before(moment) if row[1] == kind])
        found += [row for row in store.rows_before(START, who["bob"]) if row[1] == kind]
        for known_by in (START, START + timedelta(hours=1)):
            found += _listed(EventListing(unit), meters[0], who["ann"], known_by)
    return found


def _listed(listing: EventListing, meter: Meter, customer: str, known_by: datetime) -> list[Any]:
    found: list[Any] = []
    cursor = None
    while True:
        page = listing.behind(meter, customer, EVER, known_by=known_by, limit=2, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def send(shop: Shop, documents: list[dict[str, Any]]) -> tuple[int, int]:
    """How many events of a batch were accepted, and how many known."""
    with shop.database.unit(shop.scope) as unit:
        receipt = ingest(unit, documents, now=START)
    return receipt.accepted, receipt.duplicates


def archive_all(shop: Shop, folder: Path) -> list[Any]:
    """Put everything before January away."""
    months = archivable(shop.database, shop.scope, JANUARY, now=START)
    return [archive_month(shop.database, shop.scope, folder, month, now=START) for month in months]


def _restore_all(shop: Shop) -> None:
    for month in (NOVEMBER, DECEMBER):
        restore_month(shop.database, shop.scope, month)


def in_table(shop: Shop) -> int:
    """How many events of both months are in the table."""
    with shop.database.view(shop.scope) as unit:
        return sum(ArchiveStore(unit).count(month) for month in (NOVEMBER, DECEMBER))


@FEW
@given(first=events(), late=events(), is_rolled_late=st.booleans())
def test_usage_is_the_same_before_an_archive_with_it_and_after_it(
    shop: Shop, tmp_path: Path, first: list[Any], late: list[Any], *, is_rolled_late: bool
) -> None:
    """Every aggregation with filters, groups and windows; late events, amendments, duplicates and new meters beside the files."""
    kind = new_id("evt")
    meters, sent, later = _meters(kind), _documents(kind, first), _documents(kind, late, len(first))

    def declare() -> None:
        with shop.database.unit(shop.scope) as unit:
            for meter in meters:
                CatalogStore(unit).put_meter(meter)
            built = roll_up_new(unit, now=START)
            assert {meter.key for meter in meters if meter.aggregation in ROLLED} <= set(built)

    if not is_rolled_late:
        declare()
    send(shop, sent)
    if sent:
        with shop.database.unit(shop.scope) as unit:
            amend(unit, "api", sent[0]["id"], {"id": f"{kind}-x", "data": {"value": "3.25", "region": "eu"}}, now=START)
    before = _answers(shop, kind, meters)

    archive_all(shop, tmp_path)
    assert in_table(shop) == 0
    assert _answers(shop, kind, meters) == before
    if is_rolled_late:
        declare()
        assert _answers(shop, kind, meters) == before
    assert send(shop, [{**each, "time": START.isoformat()} for each in sent]) == (0, len(sent))
    assert send(shop, later) == (len(later), 0)
    if later:
        with shop.database.unit(shop.scope) as unit:
            amend(unit, "api", later[0]["id"], {"id": f"{kind}-y", "data": {"value": "-1"}}, now=START)
    beside = _answers(shop, kind, meters)
    archive_all(shop, tmp_path)
    assert in_table(shop) == 0
    assert _answers(shop, kind, meters) == beside

    _restore_all(shop)
    assert _answers(shop, kind, meters) == beside
    with shop.database.view(shop.scope) as unit:
        assert ArchiveStore(unit).files() == ()
        keys, kept = ArchiveStore(unit).counts()
        assert keys == kept


def parcel(number: int, at: datetime = DECEMBER, customer: str = "ann") -> dict[str, Any]:
    """An event of so many kilograms."""
    return {"id": str(number), "type": "parcel", "customer": customer, "time": at.isoformat(), "data": {"kg": number}}


KG = Meter(key="kg", name="kg", event_type="parcel", aggregation=Aggregation.SUM, prop="kg")


def quantity(shop: Shop, meter: Meter = KG, span: Period = EVER) -> int:
    """Ann's usage."""
    with shop.database.view(shop.scope) as unit:
        return int(EventStore(unit).quantity(CustomerStore(unit).get("ann").id, meter, span))


def test_an_archived_event_is_amended_when_it_is_back(shop: Shop, tmp_path: Path) -> None:
    """Until then the error names the month and the command; an amendment that lies in the file too is a duplicate when it comes again."""
    send(shop, [parcel(1), parcel(2)])
    with shop.database.unit(shop.scope) as unit:
        amend(unit, "api", "2", {"id": "2b", "data": {"kg": 20}}, now=START)
    archive_all(shop, tmp_path)

    for _ in range(2):
        with (
            pytest.raises(EventArchivedError, match="uptier db restore --month 2025-12"),
            shop.database.unit(shop.scope) as unit,
        ):
            amend(unit, "api", "1", {"id": "1b", "data": {"kg": 10}}, now=START)
    with shop.database.unit(shop.scope) as unit:
        assert amend(unit, "api", "2", {"id": "2b", "data": {"kg": 20}}, now=START).is_duplicate
    with pytest.raises(AlreadyAmendedError), shop.database.unit(shop.scope) as unit:
        amend(unit, "api", "2", {"id": "2c", "data": {"kg": 20}}, now=START)
    assert quantity(shop) == 21
    restore_month(shop.database, shop.scope, DECEMBER)
    with shop.database.unit(shop.scope) as unit:
        assert not amend(unit, "api", "1", {"id": "1b", "data": {"kg": 10}}, now=START).is_duplicate
    assert quantity(shop) == 30


@pytest.mark.parametrize("change", ["late", "amended"])
def test_what_changes_while_a_file_is_written_is_in_the_file_that_counts(
    shop: Shop, tmp_path: Path, change: str
) -> None:
    """The first file is thrown away and another is written."""
    send(shop, [parcel(1), parcel(2)])
    steps: list[str] = []

    def tell(step: str) -> None:
        steps.append(step)
        if steps.count("verified") == 1 and step == "verified":
            if change == "late":
                send(shop, [parcel(4)])
            else:
                with shop.database.unit(shop.scope) as unit:
                    amend(unit, "api", "2", {"id": "2b", "data": {"kg": 6}}, now=START)

    archive = archive_month(shop.database, shop.scope, tmp_path, DECEMBER, now=START, tell=tell)

    assert steps == ["written", "verified", "written", "verified", "removing", "archived"]
    assert (archive.rows, in_table(shop), quantity(shop)) == (3, 0, 7)
    assert [str(found) for found in (tmp_path / shop.scope.tenant_id).iterdir()] == [archive.path]


def test_a_month_that_is_not_over_is_not_archived(shop: Shop) -> None:
    """Its events still come."""
    with pytest.raises(InvalidError, match="before 2026-01 at the latest"):
        archivable(shop.database, shop.scope, datetime(2026, 2, 1, tzinfo=UTC), now=START)


def test_restoring_twice_is_restoring_once(shop: Shop, tmp_path: Path) -> None:
    """And what was never archived has nothing to bring back."""
    send(shop, [parcel(1)])
    archive_all(shop, tmp_path)

    assert [found.rows for found in restore_month(shop.database, shop.scope, DECEMBER)] == [1]
    assert restore_month(shop.database, shop.scope, DECEMBER) == []
    assert restore_month(shop.database, shop.scope, NOVEMBER) == []
    assert (in_table(shop), quantity(shop)) == (1, 1)


def test_a_view_that_began_before_sees_what_it_saw(shop: Shop, tmp_path: Path) -> None:
    """A month goes into a file while somebody reads: the reader's instant has its rows still."""
    send(shop, [parcel(1), parcel(2, NOVEMBER)])
    with shop.database.view(shop.scope) as unit:
        who = CustomerStore(unit).get("ann").id
        archive_all(shop, tmp_path)
        assert EventStore(unit).quantity(who, KG, EVER) == 3
        assert len(list(EventStore(unit).rows_before(START))) == 2

    assert quantity(shop) == 3


def test_each_tenant_has_files_of_its_own(shop: Shop, tmp_path: Path) -> None:
    """What one archives leaves the other's events where they are."""
    other = open_shop(shop.database, "Leaf Lane")
    send(shop, [parcel(1)])
    send(other, [parcel(2)])

    (archive,) = archive_all(shop, tmp_path)
    assert (in_table(shop), in_table(other)) == (0, 1)
    assert (quantity(shop), quantity(other)) == (1, 2)
    (theirs,) = archive_all(other, tmp_path)
    assert (quantity(shop), quantity(other)) == (1, 2)
    assert shop.scope.tenant_id in archive.path
    assert other.scope.tenant_id in theirs.path


def test_the_books_tell_an_event_too_many(shop: Shop, tmp_path: Path) -> None:
    """Identities and events are counted against each other, those in files too."""
    send(shop, [parcel(1)])
    (archive,) = archive_all(shop, tmp_path)
    with shop.database.unit(shop.scope) as unit:
        ArchiveStore(unit).bring_back(archive, [])

    with shop.database.view(shop.scope) as unit:
        found = [(each.code, each.sentence) for each in usage.check(unit)]
        assert list(prove_rollups(unit)) == []
    assert found == [("usage_events_lost", "1 events were taken in and 0 are kept, in the table and in archives")]
