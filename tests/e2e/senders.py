"""Senders of usage that remember what the server acknowledged, and what they sent without ever hearing back."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import httpx

from tests.e2e.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator

BATCH = 25
Batch = list[dict[str, Any]]


@dataclass(slots=True)
class Ledger:
    """What one sender knows: batches that were answered, and batches that were on the way when the server died."""

    customer: str
    acknowledged: list[Batch] = field(default_factory=list)
    unanswered: list[Batch] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def sent(self) -> int:
        """How many distinct events were sent at all."""
        return BATCH * (len(self.acknowledged) + len(self.unanswered))

    def next_batch(self) -> Batch:
        """Events that nobody has sent before."""
        number = next(self.numbers)
        return [
            {"id": f"{self.customer}-{number}-{place}", "source": "till", "type": "sale", "customer": self.customer}
            for place in range(BATCH)
        ]


class Senders:
    """One thread a customer, posting batch after batch until the server is gone; every third batch is sent twice."""

    def __init__(self, address: str, key: str, ledgers: list[Ledger]) -> None:
        self._address, self._key, self._ledgers = address, key, ledgers
        self._threads = [threading.Thread(target=self._send, args=(ledger,), daemon=True) for ledger in ledgers]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the threads to notice that the server is gone; whether all did."""
        for thread in self._threads:
            thread.join(seconds)
        return not any(thread.is_alive() for thread in self._threads)

    def answered(self) -> int:
        """How many batches were acknowledged so far, over all rounds."""
        return sum(len(ledger.acknowledged) for ledger in self._ledgers)

    def _send(self, ledger: Ledger) -> None:
        with Client(self._address, self._key) as client:
            while not ledger.surprises:
                batch = ledger.next_batch()
                if not deliver(client, ledger, batch):
                    return
                if len(ledger.acknowledged) % 3 == 0 and not _repeat(client, ledger, batch):
                    return


def deliver(client: Client, ledger: Ledger, batch: Batch) -> bool:
    """Send a batch and note what became of it; False when the server did not answer.

    A batch is one transaction: its events are all new or, when an earlier sending was cut off after the commit, all known.
    """
    try:
        answer = client.raw("POST", "/v1/events", json=batch)
    except httpx.TransportError:
        ledger.unanswered.append(batch)
        return False
    whole = ({"accepted": BATCH, "duplicates": 0}, {"accepted": 0, "duplicates": BATCH})
    if answer.is_error or {name: answer.json()[name] for name in ("accepted", "duplicates")} not in whole:
        ledger.surprises.append(answer.text[:500])
    ledger.acknowledged.append(batch)
    return True


def _repeat(client: Client, ledger: Ledger, batch: Batch) -> bool:
    try:
        answer = client.raw("POST", "/v1/events", json=batch)
    except httpx.TransportError:
        return False
    if answer.is_error or answer.json()["accepted"]:
        ledger.surprises.append(answer.text[:500])
    return True
