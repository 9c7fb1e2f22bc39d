"""Archives when things go wrong: a killed run has lost nothing, and a file that is not what it was is an error, not a smaller sum."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from sqlalchemy import update

from billing.db.scope import Scope
from billing.db.session import Database
from billing.kernel.errors import Kind
from billing.metering.archive import ArchiveChangedError, ArchiveUnreadableError
from billing.metering.archive_store import ArchiveStore
from billing.metering.put_away import archive_month, restore_month
from billing.metering.tables import EventArchiveRow
from billing.revenue.check import usage
from tests.billing.metering.test_archive import DECEMBER, archive_all, in_table, parcel, quantity, send
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Callable

_KILLED = """
import sys
from tests.billing.metering.test_archive_faults import run_and_be_killed
run_and_be_killed(*sys.argv[1:])
"""


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine in turn."""
    return open_shop(database)


def run_and_be_killed(url: str, tenant: str, folder: str, fatal: str) -> None:
    """Archive December, and die at a step as if the machine's power went."""

    def tell(step: str) -> None:
        if step == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    archive_month(Database(url), Scope(tenant), Path(folder), DECEMBER, now=START, tell=tell)


@pytest.mark.parametrize("fatal", ["written", "verified", "removing", "archived"])
def test_a_run_that_is_killed_has_lost_nothing_and_the_next_finishes(shop: Shop, tmp_path: Path, fatal: str) -> None:
    """With SIGKILL after each step, inside the transaction too."""
    send(shop, [parcel(number) for number in range(1, 8)])
    url = shop.database.url.render_as_string(hide_password=False)
    command = [sys.executable, "-c", _KILLED, url, shop.scope.tenant_id, str(tmp_path), fatal]

    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert quantity(shop) == 28
    assert in_table(shop) == (0 if fatal == "archived" else 7)
    archive_all(shop, tmp_path)

    assert (quantity(shop), in_table(shop)) == (28, 0)
    with shop.database.view(shop.scope) as unit:
        (archive,) = ArchiveStore(unit).files()
        assert list(usage.check(unit)) == []
    assert [str(found) for found in (tmp_path / shop.scope.tenant_id).iterdir()] == [archive.path]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _turn_a_bit(path: Path) -> None:
    held = bytearray(path.read_bytes())
    held[len(held) // 3] ^= 1
    path.write_bytes(held)


def _write_again(path: Path) -> None:
    """A good file of the same events that is not the one that was written."""
    pq.write_table(pq.read_table(path), path, compression="gzip")


@pytest.mark.parametrize("harm", [Path.unlink, _cut, _turn_a_bit, _write_again])
def test_a_file_that_is_not_what_it_was_is_an_error(shop: Shop, tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """With the month and the place, wherever its events matter, and nowhere else; put back, it serves again."""
    send(shop, [parcel(1), parcel(2), parcel(3, START)])
    (archive,) = archive_all(shop, tmp_path)
    kept = Path(archive.path).read_bytes()
    harm(Path(archive.path))

    for _ in range(2):
        with pytest.raises(ArchiveUnreadableError) as refused:
            quantity(shop)
        assert (refused.value.kind, refused.value.facts) == (
            Kind.UNAVAILABLE,
            {"month": "2025-12", "path": archive.path},
        )
    with pytest.raises(ArchiveUnreadableError):
        restore_month(shop.database, shop.scope, DECEMBER)
    with shop.database.view(shop.scope) as unit:
        assert [found.code for found in usage.check(unit)] == ["archive_unreadable"]
    Path(archive.path).write_bytes(kept)
    assert quantity(shop) == 3


def test_another_tenants_file_is_not_read(shop: Shop, tmp_path: Path) -> None:
    """Even where the row that names it was made to fit: whose events a file holds stands in the file."""
    other = open_shop(shop.database, "Leaf Lane")
    send(shop, [parcel(1)])
    send(other, [parcel(2)])
    archive_all(shop, tmp_path)
    (theirs,) = archive_all(other, tmp_path)
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(EventArchiveRow).values(path=theirs.path, sha256=theirs.sha256))

    with pytest.raises(ArchiveUnreadableError, match="another tenant's"):
        quantity(shop)


def test_two_runs_over_the_same_month_leave_one_file_that_counts(shop: Shop, tmp_path: Path) -> None:
    """The second finds the month gone when it wants to put it away; it throws away nothing that stands for events."""
    send(shop, [parcel(1), parcel(2)])

    def overtake(step: str) -> None:
        if step == "verified" and in_table(shop):
            archive_all(shop, tmp_path)

    with pytest.raises(ArchiveChangedError, match="there are no events"):
        archive_month(shop.database, shop.scope, tmp_path, DECEMBER, now=START, tell=overtake)

    assert (quantity(shop), in_table(shop)) == (3, 0)
    with shop.database.view(shop.scope) as unit:
        (archive,) = ArchiveStore(unit).files()
    assert [str(found) for found in (tmp_path / shop.scope.tenant_id).iterdir()] == [archive.path]
