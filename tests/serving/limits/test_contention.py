"""Exactly N of a limit of N, however many callers in however many processes, whatever their clocks say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving.limits.crowd import crowd_call, crowds, in_threads
from tests.serving.limits.limiters import in_memory
from tests.shop import open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

AMOUNT = 50
SKEWS = (0, 61)


def test_one_process_in_memory() -> None:
    """64 threads."""
    assert in_threads(in_memory(), crowd_call("ten_1", AMOUNT)) == AMOUNT


@pytest.mark.parametrize("count", [1, 2])
def test_two_processes_on_a_database(database: Database, count: int) -> None:
    """64 threads in each of two processes whose clocks are 61 seconds apart, on each engine; one limit is one statement, two are locked."""
    tenant = open_shop(database).scope.tenant_id
    url = database.url.render_as_string(hide_password=False)
    assert crowds(url, tenant, AMOUNT, SKEWS, count) == AMOUNT


@pytest.mark.servers
def test_two_processes_on_redis(redis_url: str) -> None:
    """64 tasks in each of two processes whose clocks are 61 seconds apart, across flushes of the script."""
    assert crowds(redis_url, "ten_1", AMOUNT, SKEWS) == AMOUNT
