"""What wallets need as time passes, and the proof that they agree with their history and with the books."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.wallets.fund import catch_up
from billing.wallets.standing_store import StandingStore

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

BATCH = 200


def expire(unit: Unit, now: datetime, *, limit: int = BATCH) -> int:
    """End what has ended, reset what recurs, repay what is overdrawn, in at most `limit` wallets; the answer is how many changed.

    A job calls it until it answers nothing. What happens is dated by when it fell due, however late the job comes.
    """
    changed = 0
    for wallet_id in due_wallets(unit, now, limit=limit):
        changed += bool(catch_up(unit, wallet_id, now).movements)
    return changed


def due_wallets(unit: Unit, now: datetime, *, limit: int = BATCH) -> list[str]:
    """Wallets that `catch_up` has something to do for, for jobs that give each a transaction of its own."""
    return StandingStore(unit).due(utc(now), limit=limit)


def next_due(unit: Unit, after: datetime) -> datetime | None:
    """When a wallet changes by itself next."""
    return StandingStore(unit).next_due(utc(after))


def check(unit: Unit) -> list[str]:
    """What does not hold of the tenant's wallets, a sentence each; nothing in a live system.

    Every stored rest is the fold of its movements; no wallet is below its floor; account WALLET of the books is what wallets hold.
    """
    store = StandingStore(unit)
    found = [f"wallet {wallet} is below its floor" for wallet in store.below_floor()]
    stored, folded = store.stored(), store.folded()
    found += [
        f"{_place(*place)} stands at {stored.get(place, 0)}, its movements say {folded.get(place, 0)}"
        for place in sorted(stored.keys() | folded.keys(), key=str)
        if stored.get(place, 0) != folded.get(place, 0)
    ]
    held, booked = store.held(), LedgerStore(unit).standing(Account.WALLET)
    found += [
        f"customer {owner[0]} holds {held.get(owner, 0)} {owner[1]} in the wallet, the books say {-booked.get(owner, 0)}"
        for owner in sorted(held.keys() | booked.keys())
        if held.get(owner, 0) != -booked.get(owner, 0)
    ]
    return found


def _place(wallet: str, grant: str | None) -> str:
    return f"{f'grant {grant}' if grant else 'the overdraft'} of wallet {wallet}"
