"""What processes of their own do with holds; started by the tests of contention and of sudden death."""

from __future__ import annotations

import os
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from billing.db.scope import Scope
from billing.db.session import Database
from billing.entitlements.holds.hold import LimitReachedError
from billing.entitlements.holds.use import HoldRequest, commit, release, reserve

if TYPE_CHECKING:
    from multiprocessing.queues import Queue

HOUR = timedelta(hours=1)
TASKS = 64
_AT_ONCE = 16


def ask(database: Database, scope: Scope, key: str, now: datetime) -> str | None:
    """Hold one delivery of ann for an hour: the hold's id, or None where the limit is reached."""
    asked = HoldRequest(customer="ann", feature="deliveries", quantity=Decimal(1), key=key, life=HOUR)
    try:
        with database.unit(scope) as unit:
            return reserve(unit, asked, now=now).id
    except LimitReachedError:
        return None


def race(url: str, tenant: str, name: str, now: datetime, *, ends: bool, answers: Queue[Counter[str]]) -> None:
    """64 tasks that each ask for one; with `ends`, every third that got it commits it and every third lets it go."""
    database, scope = Database(url), Scope(tenant)

    def one(number: int) -> str:
        made = ask(database, scope, f"{name}-{number}", now)
        if made is None:
            return "refused"
        if not ends or number % 3 == 0:
            return "open"
        with database.unit(scope) as unit:
            return (commit if number % 3 == 1 else release)(unit, made, now=now).state.value

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers.put(Counter(pool.map(one, range(TASKS))))
    database.close()


def die(url: str, tenant: str, now: datetime, *, writing: bool) -> None:
    """Hold three and die of SIGKILL before they are used, or with their usage written and not committed."""
    database, scope = Database(url), Scope(tenant)
    for number in range(3):
        made = ask(database, scope, f"dying-{number}", now)
    if writing and made is not None:
        with database.unit(scope) as unit:
            commit(unit, made, now=now)
            unit.session.flush()
            os.kill(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
