"""Readings that callers share: when what everybody asks for has grown old, one reads it anew and the others wait for that one.

Without it, thousands of questions a second become as many readings at the moment a snapshot ends. A reading that had begun before somebody
asked may have missed what they know of, so its keeper is asked whether it may be served; the next one began after they asked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

T = TypeVar("T")


class Shared(Generic[T]):
    """For one event loop at a time; readings run in its threads."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[T]] = {}

    async def read(self, key: Hashable, read: Callable[[], T], held: Callable[[], T | None]) -> T:
        """What `read` gives, run once for all who ask meanwhile; `held` tells what may be served of what was read."""
        under_way = self._found(key)
        if under_way is None:
            return await self._begun(key, read)
        await asyncio.wait([under_way])
        found = held()
        if found is not None:
            return found
        later = self._found(key)
        return await (self._begun(key, read) if later is None else asyncio.shield(later))

    def _found(self, key: Hashable) -> asyncio.Task[T] | None:
        task = self._under_way.get(key)
        return task if task is not None and task.get_loop() is asyncio.get_running_loop() else None

    def _begun(self, key: Hashable, read: Callable[[], T]) -> asyncio.Future[T]:
        task = asyncio.create_task(asyncio.to_thread(read))
        self._under_way[key] = task
        task.add_done_callback(lambda done: self._over(key, done))
        return asyncio.shield(task)

    def _over(self, key: Hashable, done: asyncio.Task[T]) -> None:
        if self._under_way.get(key) is done:
            del self._under_way[key]
        if not done.cancelled():
            done.exception()  # whoever waits has it; if nobody does, it is no news
