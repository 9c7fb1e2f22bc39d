"""Killing the server at any moment loses no event that it acknowledged, and sending again what it did not counts nothing twice."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.e2e.client import Client
from tests.e2e.senders import BATCH, Ledger, Senders, deliver
from tests.e2e.server import Server, serving

if TYPE_CHECKING:
    from tests.e2e.installation import Installation

_ROUNDS = 3
_SEED = 20260131
_TODAY = datetime(2026, 1, 31, 9, tzinfo=UTC)
_PATIENCE_SECONDS = 30.0


@pytest.mark.timeout(180)
def test_a_killed_server_has_lost_nothing_it_acknowledged(installation: Installation) -> None:
    """Three times in mid-traffic, at moments nobody chose: what was answered is there, and re-sending makes it complete."""
    installation.ask("db", "upgrade")
    key = installation.ask("tenants", "create", "Till", "--test", "--clock", _TODAY.isoformat())["secret_key"]
    ledgers = [Ledger(f"till-{number}") for number in range(4)]
    rng = np.random.default_rng(_SEED)
    with serving(installation) as server:
        _open(server, key, ledgers)
        for _ in range(_ROUNDS):
            _kill_in_mid_traffic(server, key, ledgers, rng)
            server.start()
            for ledger in ledgers:
                assert BATCH * len(ledger.acknowledged) <= _used(server, key, ledger) <= ledger.sent

        assert any(ledger.unanswered for ledger in ledgers), "no kill met a batch on its way; this run proves little"
        _send_again(server, key, ledgers)
        for ledger in ledgers:
            assert _used(server, key, ledger) == ledger.sent


def _open(server: Server, key: str, ledgers: list[Ledger]) -> None:
    with Client(server.address, key) as client:
        client.post("/v1/meters", {"key": "sales", "name": "Sales", "event_type": "sale"})
        for ledger in ledgers:
            client.post("/v1/customers", {"key": ledger.customer})


def _kill_in_mid_traffic(server: Server, key: str, ledgers: list[Ledger], rng: np.random.Generator) -> None:
    """Kill once a drawn number of batches was answered, and a drawn moment later: in the middle of the next ones."""
    senders = Senders(server.address, key, ledgers)
    enough = senders.answered() + int(rng.integers(8, 40))
    senders.start()
    give_up_at = time.monotonic() + _PATIENCE_SECONDS
    while senders.answered() < enough:
        assert time.monotonic() < give_up_at, f"too few answers: {[ledger.surprises for ledger in ledgers]}"
        time.sleep(0.001)
    time.sleep(float(rng.uniform(0, 0.02)))
    server.kill()
    assert senders.join(_PATIENCE_SECONDS)
    assert [ledger.surprises for ledger in ledgers] == [[] for _ in ledgers]


def _send_again(server: Server, key: str, ledgers: list[Ledger]) -> None:
    """What was never answered goes out once more, and is either wholly new or wholly known."""
    with Client(server.address, key) as client:
        for ledger in ledgers:
            late, ledger.unanswered = ledger.unanswered, []
            assert all(deliver(client, ledger, batch) for batch in late)
    assert [ledger.surprises for ledger in ledgers] == [[] for _ in ledgers]


def _used(server: Server, key: str, ledger: Ledger) -> int:
    day = {"from": (_TODAY - timedelta(hours=1)).isoformat(), "to": (_TODAY + timedelta(hours=1)).isoformat()}
    with Client(server.address, key) as client:
        return int(client.get("/v1/usage", customer=ledger.customer, meter="sales", **day)["quantity"])
