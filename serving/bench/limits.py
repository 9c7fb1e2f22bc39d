"""Rate limiters measured on one machine in one run: first whether their answers are right, then how many decisions a second.

Right means that of a limit of 100 exactly 100 of 64 callers' calls pass; ours have to, and are not timed if they do not. Then each decides
calls of a thousand subjects, all allowed, for one caller and for 64, under one limit and under three; rounds take turns, and the median
counts. CPU is that of this process, so it leaves out what Redis or PostgreSQL spend.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from serving.bench.limit_peers import of_database, of_memory, of_redis

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from serving.bench.limit_peers import Ask, Peer

CROWD = 64
EXACT = 100
ROUNDS = 3
_SUBJECTS = tuple(f"subject-{number}" for number in range(1000))
_PLENTY = 1_000_000
_TRIES = 4
_P99 = 98


@dataclass(frozen=True, slots=True)
class Checked:
    """How many of a limit of 100 passed; of ours all 100 have to, and no more."""

    name: str
    store: str
    passed: int
    is_ours: bool

    @property
    def is_right(self) -> bool:
        """Whether exactly as many passed as the limit says."""
        return self.passed == EXACT


@dataclass(frozen=True, slots=True)
class Measured:
    """The medians of the rounds: decisions a second, milliseconds of waiting, and microseconds of this process's CPU a decision."""

    name: str
    store: str
    limits: int
    callers: int
    a_second: float
    p50_ms: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found."""

    checked: Sequence[Checked]
    measured: Sequence[Measured]

    @property
    def is_right(self) -> bool:
        """Whether ours were exact."""
        return all(each.is_right for each in self.checked if each.is_ours)

    def a_second(self, start: str, limits: int, callers: int) -> float:
        """The most decisions a second of those whose name starts so, in Redis."""
        return max(
            each.a_second
            for each in self.measured
            if each.store == "redis"
            and each.name.startswith(start)
            and (each.limits, each.callers) == (limits, callers)
        )


def bench_limits(database_urls: Sequence[str], redis_url: str, seconds: float, tell: Callable[[str], None]) -> Report:
    """Measure everybody for so many seconds a round; the databases are new ones, the Redis is empty."""
    return asyncio.run(_bench(database_urls, redis_url, seconds, tell))


async def _bench(database_urls: Sequence[str], redis_url: str, seconds: float, tell: Callable[[str], None]) -> Report:
    async with AsyncExitStack() as stack:
        peers = of_redis(redis_url, stack) if redis_url else []
        for url in database_urls:
            peers += of_database(url, redis_url, stack)
        peers += of_memory()
        checked = []
        for peer in peers:
            tell(f"checking {peer.name} ({peer.store})")
            checked.append(Checked(peer.name, peer.store, await _passed(peer.open_for(EXACT, 1)), peer.is_ours))
        report = Report(checked, [])
        return Report(checked, await _measure(peers, seconds, tell)) if report.is_right else report


async def _passed(ask: Ask) -> int:
    async def tries() -> int:
        return sum([await ask("everybody") for _ in range(_TRIES)])

    return sum(await asyncio.gather(*(tries() for _ in range(CROWD))))


async def _measure(peers: Sequence[Peer], seconds: float, tell: Callable[[str], None]) -> list[Measured]:
    asks = {(peer, count): peer.open_for(_PLENTY, count) for peer in peers for count in (1, 3)}
    rounds: dict[tuple[Peer, int, int], list[tuple[float, float, float, float]]] = {}
    for ask in asks.values():
        for subject in _SUBJECTS[:CROWD]:
            await ask(subject)
    for number in range(ROUNDS):
        for (peer, count), ask in asks.items():
            tell(f"round {number + 1} of {ROUNDS}: {peer.name} ({peer.store})")
            for callers in (1, CROWD):
                rounds.setdefault((peer, count, callers), []).append(await _round(ask, callers, seconds))
    return [
        Measured(
            peer.name, peer.store, count, callers, *(statistics.median(column) for column in zip(*found, strict=True))
        )
        for (peer, count, callers), found in rounds.items()
    ]


async def _round(ask: Ask, callers: int, seconds: float) -> tuple[float, float, float, float]:
    """Decisions a second, p50 and p99 in milliseconds, and CPU a decision in microseconds."""
    waits: list[float] = []
    started, cpu = time.perf_counter(), time.process_time()
    ends = started + seconds

    async def drive(place: int) -> None:
        before = time.perf_counter()
        while before < ends:
            await ask(_SUBJECTS[place % len(_SUBJECTS)])
            after = time.perf_counter()
            waits.append(after - before)
            before, place = after, place + callers
            if callers == 1 and not place % 100:
                await asyncio.sleep(0)

    await asyncio.gather(*(drive(place) for place in range(callers)))
    took, spent = time.perf_counter() - started, time.process_time() - cpu
    cuts = statistics.quantiles(waits, n=100) if len(waits) > 1 else [waits[0]] * 99
    return len(waits) / took, cuts[49] * 1000, cuts[_P99] * 1000, spent / len(waits) * 1_000_000
