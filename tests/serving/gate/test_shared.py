"""Of many who ask for one thing at once, one reads; and nobody is given a reading that their keeper would not serve."""

from __future__ import annotations

import asyncio
import threading

from serving.gate.shared import Shared

PATIENCE = 20


class Source:
    """Readings that wait until they are let go; each is the number of its beginning."""

    def __init__(self) -> None:
        self.begun = 0
        self.let_go = threading.Event()

    def read(self) -> int:
        """The next reading."""
        self.begun += 1
        number = self.begun
        assert self.let_go.wait(PATIENCE)
        return number


def test_a_crowd_is_one_reading() -> None:
    """A hundred at once: one reading, and everybody has it."""
    source = Source()

    async def crowd() -> list[int]:
        shared: Shared[int] = Shared()
        tasks = [asyncio.create_task(shared.read("a", source.read, lambda: source.begun)) for _ in range(100)]
        await asyncio.sleep(0)
        source.let_go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(crowd()) == [1] * 100
    assert source.begun == 1


def test_what_may_not_be_served_is_read_once_more_for_all() -> None:
    """Those who came while it was read, and whose keeper refuses it, share the next reading."""
    source = Source()

    async def crowd() -> list[int]:
        shared: Shared[int] = Shared()
        tasks = [asyncio.create_task(shared.read("a", source.read, lambda: None)) for _ in range(100)]
        await asyncio.sleep(0)
        source.let_go.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(crowd()) == [1, *[2] * 99]


def test_an_error_is_told_to_whom_it_concerns_and_not_kept() -> None:
    """Who began a reading has its error, who joined it tries once more, and the next one begins anew."""

    def fail() -> int:
        raise LookupError("gone")

    async def asked() -> None:
        shared: Shared[int] = Shared()
        found = await asyncio.gather(*(shared.read("a", fail, lambda: None) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in found] == [LookupError] * 3
        assert await shared.read("a", lambda: 7, lambda: None) == 7

    asyncio.run(asked())


def test_different_things_are_read_apart() -> None:
    """Keys do not wait for each other, and loops do not share."""
    shared: Shared[str] = Shared()

    async def asked() -> list[str]:
        return await asyncio.gather(*(shared.read(key, lambda key=key: key * 2, lambda: None) for key in "ab"))  # type: ignore[misc] # (bound at once)

    assert asyncio.run(asked()) == ["aa", "bb"]
    assert asyncio.run(asked()) == ["aa", "bb"]


def test_who_hangs_up_takes_nothing_from_the_others() -> None:
    """The one who began it goes; those who joined it have their answer."""
    source = Source()

    async def asked() -> int:
        shared: Shared[int] = Shared()
        first = asyncio.create_task(shared.read("a", source.read, lambda: None))
        await asyncio.sleep(0)
        second = asyncio.create_task(shared.read("a", source.read, lambda: source.begun))
        await asyncio.sleep(0)
        first.cancel()
        source.let_go.set()
        return await second

    assert asyncio.run(asked()) == 1
