"""Runs one function in several threads at the same moment, and hands back what each answered or raised."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def together(count: int, act: Callable[[int], T]) -> list[T | Exception]:
    """The answer, or the error, of `act(number)` for each number below `count`; all start when the last is ready."""
    start = threading.Barrier(count)

    def run(number: int) -> T:
        start.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        waiting = [pool.submit(run, number) for number in range(count)]
    return [found if isinstance(found := one.exception(), Exception) else one.result() for one in waiting]
