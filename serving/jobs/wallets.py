"""The wallets' part of the routine: what ends, resets and is repaid by itself, a transaction a wallet, and top-ups that are due.

It comes after the billing, so that credits pay for what closed before they ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.errors import UptierError
from billing.wallets.fund import catch_up
from billing.wallets.routine import due_wallets
from billing.wallets.topups.request import due_top_ups

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.scope import Scope
    from billing.db.session import Database


def tend_wallets(database: Database, scope: Scope, *, now: datetime) -> tuple[int, int, list[tuple[str, str]]]:
    """How many wallets changed, how many top-ups were asked for, and which wallets could not be seen to, with the reason."""
    changed, failed = 0, dict[str, str]()
    while waiting := _waiting(database, scope, now, failed):
        for wallet_id in waiting:
            try:
                with database.unit(scope) as unit:
                    changed += bool(catch_up(unit, wallet_id, now).movements)
            except UptierError as error:
                failed[wallet_id] = error.detail
    return changed, _ask(database, scope, now), list(failed.items())


def _waiting(database: Database, scope: Scope, now: datetime, failed: dict[str, str]) -> list[str]:
    """The next wallets that have not failed in this round."""
    with database.view(scope) as unit:
        found = due_wallets(unit, now, limit=_BATCH + len(failed))
    return [wallet_id for wallet_id in found if wallet_id not in failed]


def _ask(database: Database, scope: Scope, now: datetime) -> int:
    asked = 0
    while True:
        with database.unit(scope) as unit:
            found = due_top_ups(unit, now, limit=_BATCH)
        asked += len(found)
        if len(found) < _BATCH:
            return asked


_BATCH = 100
