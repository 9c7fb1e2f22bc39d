"""Asking for top-ups and taking their outcome. Nothing is charged here: who collects the money confirms it, or says that it failed."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.kernel.ids import new_id
from billing.ledger.account import Account
from billing.wallets.fund import catch_up, grant_to
from billing.wallets.grant import GrantKind
from billing.wallets.movement import MovementKind
from billing.wallets.standing_store import StandingStore
from billing.wallets.store import WalletStore
from billing.wallets.topups.store import TopUpStore
from billing.wallets.topups.top_up import PAUSE_AFTER_FAILURE, TopUp, TopUpState, wanted

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

BATCH = 200
_TWO_MONTHS = timedelta(days=62)


def due_top_ups(unit: Unit, now: datetime, *, limit: int = BATCH) -> list[TopUp]:
    """Ask once for the top-ups that are due, for at most `limit`, and tell of each; the answer is what was asked for.

    A job calls it until it answers nothing. Only wallets that may ask are locked.
    """
    asked: list[TopUp] = []
    last, now = "", utc(now)
    while len(asked) < limit and (short := StandingStore(unit).short(now, limit=BATCH, after=last)):
        waiting, last = TopUpStore(unit).waiting(short, now - PAUSE_AFTER_FAILURE), short[-1]
        found = (request_top_up(unit, wallet_id, now) for wallet_id in short if wallet_id not in waiting)
        asked += islice((top_up for top_up in found if top_up is not None), limit - len(asked))
    return asked


def request_top_up(unit: Unit, wallet_id: str, now: datetime) -> TopUp | None:
    """Ask for what a wallet's rule wants now, if anything."""
    store, now = TopUpStore(unit), utc(now)
    wallet = WalletStore(unit).lock(wallet_id)
    balance = catch_up(unit, wallet_id, now).purse.balance(now)
    before = store.recent(wallet_id, now - _TWO_MONTHS)
    amount = wanted(wallet, balance, before, now)
    if amount is None:
        return None
    top_up = TopUp(
        id=new_id("wtu"),
        wallet_id=wallet_id,
        number=max((each.number for each in before), default=0) + 1,
        amount=amount,
        state=TopUpState.REQUESTED,
        requested_at=now,
    )
    store.add(top_up)
    payload = {
        "top_up": top_up.id,
        "wallet": wallet_id,
        "customer": wallet.customer_id,
        "amount": amount.text,
        "currency": amount.currency,
    }
    unit.emit("wallet.top_up_requested", top_up.id, payload, now)
    return top_up


def confirm_top_up(unit: Unit, top_up_id: str, at: datetime, *, paid_by: Account = Account.CASH) -> TopUp:
    """The money of a top-up came in: the wallet has it from `at` on. Confirming again changes nothing."""
    store, at = TopUpStore(unit), utc(at)
    wallet_id = store.get(top_up_id).wallet_id
    WalletStore(unit).lock(wallet_id)
    top_up = store.get(top_up_id)
    if top_up.state is TopUpState.PAID:
        return top_up
    grant_to(
        unit,
        wallet_id,
        top_up.amount,
        kind=GrantKind.PAID,
        key=f"top_up:{top_up.id}",
        now=at,
        paid_by=paid_by,
        fact=MovementKind.TOPPED_UP,
    )
    paid = top_up.paid(at)
    store.save(paid)
    unit.emit(
        "wallet.topped_up", top_up.id, {"top_up": top_up.id, "wallet": wallet_id, "amount": top_up.amount.text}, at
    )
    return paid


def fail_top_up(unit: Unit, top_up_id: str, at: datetime, *, code: str = "failed") -> TopUp:
    """A top-up could not be had; the wallet asks again a day later at the earliest. Failing again changes nothing."""
    store, at = TopUpStore(unit), utc(at)
    WalletStore(unit).lock(store.get(top_up_id).wallet_id)
    top_up = store.get(top_up_id)
    if top_up.state is TopUpState.FAILED:
        return top_up
    failed = top_up.failed(code[:200], at)
    store.save(failed)
    payload = {"top_up": failed.id, "wallet": failed.wallet_id, "code": failed.code}
    unit.emit("wallet.top_up_failed", failed.id, payload, at)
    return failed
