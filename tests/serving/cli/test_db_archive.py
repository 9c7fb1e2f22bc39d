"""`uptier db archive`, `restore` and `partitions`: months go into files and come back, and usage is the same throughout."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.period import Period
from billing.metering.ingest import ingest
from billing.metering.store import EventStore
from tests.shop import START, delivery, publish_catalogue

if TYPE_CHECKING:
    from tests.serving.cli.conftest import Cli

NOVEMBER = datetime(2025, 11, 1, tzinfo=UTC)
EVER = Period(NOVEMBER, START)


def _used(cli: Cli) -> None:
    """Five deliveries, one every twenty days from November on."""
    with cli.database.unit(cli.scope) as unit:
        CustomerStore(unit).ensure(["ann"], START)
        publish_catalogue(unit)
        ingest(unit, [delivery("ann", str(n), NOVEMBER + timedelta(days=20 * n)) for n in range(5)], now=START)


def _counts(cli: Cli) -> list[int]:
    with cli.database.view(cli.scope) as unit:
        return list(EventStore(unit).counts("delivery", EVER).values())


def test_months_go_into_files_and_come_back(cli: Cli) -> None:
    """Run again it finds nothing to do; the check of the books reads the files too."""
    _used(cli)

    first = cli.ask("db", "archive", "--before", "2026-01")
    assert [(file["tenant"], file["month"], file["events"]) for file in first["files"]] == [
        (cli.tenant, "2025-11", 2),
        (cli.tenant, "2025-12", 2),
    ]
    assert all(
        Path(file["path"]).is_relative_to(cli.home.resolve() / "archive" / cli.tenant) for file in first["files"]
    )
    assert cli.ask("db", "archive", "--before", "2026-01") == {"files": [], "partitions_dropped": []}
    assert _counts(cli) == [5]
    assert cli("db", "check").code == 0

    back = cli.ask("db", "restore", "--month", "2025-11", "--tenant", cli.tenant)
    assert (back["events"], [file["path"] for file in back["files"]]) == (2, [first["files"][0]["path"]])
    assert _counts(cli) == [5]
    assert cli.ask("db", "restore", "--month", "2025-11")["events"] == 0


def test_what_is_asked_wrongly_is_said(cli: Cli, tmp_path: Path) -> None:
    """No month, a month that is not over, and a file that is gone."""
    _used(cli)

    assert "is not a month such as 2026-01" in cli("db", "archive", "--before", "January").complaint
    assert "at the latest" in cli("db", "archive", "--before", "2999-01").complaint
    (file, _) = cli.ask("db", "archive", "--before", "2026-01", "--to", tmp_path / "cold")["files"]
    Path(file["path"]).unlink()
    assert file["path"] in cli("db", "restore", "--month", "2025-11").complaint
    checked = cli("db", "check")
    assert (checked.code, "archive_unreadable" in checked.out) == (1, True)


def test_a_database_without_partitions_needs_none(cli: Cli) -> None:
    """The embedded engine keeps events in one table."""
    assert cli.ask("db", "partitions") == {"made": [], "partitions": [], "failed": []}
    assert "needs none" in cli("db", "partitions").out
