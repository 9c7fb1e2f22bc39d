"""A billing run that is killed anywhere loses nothing and bills nothing twice, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.kill_billing import kill_many

if TYPE_CHECKING:
    from pathlib import Path

_KILLS = 15


@pytest.mark.timeout(180)
def test_killed_runs_leave_whole_books_on_sqlite(tmp_path: Path) -> None:
    """After each kill the books are whole as they stand, and the next run completes the month."""
    done = kill_many(f"sqlite:///{tmp_path / 'killed.db'}", _KILLS, seed=1)

    assert done["kills"] == _KILLS
    assert done["between_batches"] > 0, "no kill met a run half-way; this proves little"


@pytest.mark.servers
@pytest.mark.timeout(180)
def test_killed_runs_leave_whole_books_on_postgresql(postgres_url: str) -> None:
    """The same where another process holds the data."""
    done = kill_many(postgres_url, _KILLS, seed=2)

    assert done["kills"] == _KILLS
    assert done["between_batches"] > 0, "no kill met a run half-way; this proves little"
