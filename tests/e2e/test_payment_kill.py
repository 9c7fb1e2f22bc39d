"""Processes that take money and are killed anywhere charge nobody twice and miss nothing, on both engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.kill_payments import kill_many

if TYPE_CHECKING:
    from pathlib import Path

_KILLS = 25


@pytest.mark.timeout(180)
def test_killed_payments_are_neither_lost_nor_doubled_on_sqlite(tmp_path: Path) -> None:
    """After each kill the difference to the provider is explained; after recovery there is none."""
    done = kill_many(f"sqlite:///{tmp_path / 'killed.db'}", _KILLS, seed=1)

    assert done["kills"] >= _KILLS
    assert done["open_after_kill"] > 0, "no kill met a payment half-way; this proves little"


@pytest.mark.servers
@pytest.mark.timeout(180)
def test_killed_payments_are_neither_lost_nor_doubled_on_postgresql(postgres_url: str) -> None:
    """The same where another process holds the data."""
    done = kill_many(postgres_url, _KILLS, seed=2)

    assert done["kills"] >= _KILLS
    assert done["open_after_kill"] > 0, "no kill met a payment half-way; this proves little"
