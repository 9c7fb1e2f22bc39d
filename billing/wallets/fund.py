"""Putting money into wallets: once, again every period, and taking back what was given. The key of each fact makes it happen once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.kernel.clock import utc
from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.wallets.grant import Credits, Grant, GrantError, GrantKind
from billing.wallets.keep import keep
from billing.wallets.movement import MovementKind
from billing.wallets.open import open_wallet
from billing.wallets.purse import Moved, added, advanced, revoked
from billing.wallets.recurrence import Recurrence, Rollover
from billing.wallets.store import WalletStore
from billing.wallets.wallet import GrantExistsError, GrantNotFoundError, RecurrenceNotFoundError

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from billing.db.session import Unit
    from billing.kernel.cadence import Cadence
    from billing.wallets.wallet import Wallet

MAX_KEY = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """When a grant counts, and its place in the order of use: lower priority first. From now on without an end unless told otherwise."""

    starts_at: datetime | None = None
    expires_at: datetime | None = None
    priority: int = 0


ALWAYS = Life()


def grant(
    unit: Unit,
    customer: str,
    amount: Money,
    *,
    paid: bool,
    key: str,
    now: datetime,
    life: Life = ALWAYS,
    paid_by: Account = Account.CASH,
) -> Grant:
    """Put `amount` into the customer's wallet of its currency, opened if there is none. The same key again answers the same grant."""
    wallet = open_wallet(unit, customer, amount.currency, now=now)
    kind = GrantKind.PAID if paid else GrantKind.PROMOTIONAL
    return grant_to(unit, wallet.id, amount, kind=kind, key=key, now=now, life=life, paid_by=paid_by)


def grant_to(
    unit: Unit,
    wallet_id: str,
    amount: Money | Credits,
    *,
    kind: GrantKind,
    key: str,
    now: datetime,
    life: Life = ALWAYS,
    paid_by: Account = Account.CASH,
    fact: MovementKind = MovementKind.GRANTED,
) -> Grant:
    """The same for a wallet by its id. Credits are worth what their rate says, and keep it."""
    wallet, now = WalletStore(unit).lock(wallet_id), utc(now)
    credits_ = amount if isinstance(amount, Credits) else None
    money = amount.worth(wallet.currency) if isinstance(amount, Credits) else amount
    new = Grant(
        id=new_id("wgr"),
        key=_key(key),
        kind=kind,
        amount=money,
        remaining=money,
        starts_at=now if life.starts_at is None else utc(life.starts_at),
        created_at=now,
        expires_at=None if life.expires_at is None else utc(life.expires_at),
        priority=life.priority,
        credits=credits_,
    )
    known = WalletStore(unit).grant_by_key(new.key)
    if known is not None:
        return _same(known, wallet.id, new)
    if new.ended(now):
        raise GrantError("a grant ends after now", field="expires_at")
    before = WalletStore(unit).purse(wallet)
    moved = added(advanced(before, now), new, now, fact)
    keep(unit, wallet, before, moved, now, paid_by=paid_by)
    return moved.purse.grant(new.id)


def credits_of(wallet: Wallet, count: Decimal) -> Credits:
    """So many credits at what the wallet says they are worth now."""
    if wallet.rate is None:
        raise InvalidError(
            "this wallet has no rate for credits; name an amount, or give the wallet a rate", field="credits"
        )
    return Credits(count=count, rate=wallet.rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What goes over into the next period, and the place of the grants in the order of use."""

    rollover: Rollover | None = None
    priority: int = 0
    ends_at: datetime | None = None


def start_recurring(
    unit: Unit, customer: str, amount: Money, cadence: Cadence, *, key: str, now: datetime, kept: Kept | None = None
) -> Recurrence:
    """Give `amount` every period of `cadence`, the present one included. The same key again answers the same rule."""
    kept = kept or Kept()
    wallet = open_wallet(unit, customer, amount.currency, now=now)
    zero = Money.zero(amount.currency)
    number = max(cadence.number_at(utc(now)), 0)
    rule = Recurrence(
        id=new_id("wrc"),
        key=_key(key),
        amount=amount,
        cadence=cadence,
        rollover=kept.rollover or Rollover(least=zero, most=zero),
        first_number=number,
        next_number=number,
        priority=kept.priority,
        ends_at=None if kept.ends_at is None else utc(kept.ends_at),
    )
    store = WalletStore(unit)
    known = store.recurrence(rule.key)
    if known is not None:
        if known[0] != wallet.id or _terms(known[1]) != _terms(rule):
            raise GrantExistsError("this key stands for another recurring grant", key=key[:60])
        return known[1]
    store.add_recurrence(wallet, rule)
    catch_up(unit, wallet.id, now)
    return rule


def stop_recurring(unit: Unit, key: str, *, at: datetime, wallet_id: str | None = None) -> None:
    """Grant no more from `at` on; what was granted stays until it ends. One that is stopped already stays as it is.

    With `wallet_id` a rule of another wallet is told as not there.
    """
    known = WalletStore(unit).recurrence(_key(key))
    if known is None or wallet_id not in (None, known[0]):
        raise RecurrenceNotFoundError("there is no recurring grant of this key", key=key[:60])
    WalletStore(unit).lock(known[0])
    found = WalletStore(unit).recurrence(_key(key))
    if found is not None and (found[1].ends_at is None or found[1].ends_at > utc(at)):
        WalletStore(unit).save_recurrence(replace(found[1], ends_at=utc(at)))


def take_back(unit: Unit, grant_key: str, most: Money, *, key: str, at: datetime) -> Money:
    """Take `most`, or what is left, out of a grant that was given; the answer is what was taken, the same again for the same key."""
    store = WalletStore(unit)
    found = store.grant_by_key(_key(grant_key))
    if found is None:
        raise GrantNotFoundError("no grant has this key", key=grant_key[:60])
    wallet = store.lock(found[0])
    done = store.movement_by_key(f"revoked:{_key(key)}")
    if done is not None:
        return -done.amount
    before = store.purse(wallet, grant_ids=[found[1].id])
    caught_up = advanced(before, utc(at))
    moved = revoked(caught_up, found[1].id, most, utc(at), key)
    keep(unit, wallet, before, moved, utc(at))
    return caught_up.purse.grant(found[1].id).remaining - moved.purse.grant(found[1].id).remaining


def catch_up(unit: Unit, wallet_id: str, now: datetime) -> Moved:
    """Write down what happened in a wallet by itself up to `now`."""
    wallet = WalletStore(unit).lock(wallet_id)
    before = WalletStore(unit).purse(wallet)
    moved = advanced(before, utc(now))
    keep(unit, wallet, before, moved, utc(now))
    return moved


def _terms(rule: Recurrence) -> tuple[object, ...]:
    """What a rule was started with; where it stands and when it was stopped come later."""
    return rule.amount, rule.cadence, rule.rollover, rule.priority


def _key(key: str) -> str:
    if not key.strip() or len(key) > MAX_KEY:
        raise InvalidError(f"a key has 1 to {MAX_KEY} characters", field="key")
    return key


def _same(known: tuple[str, Grant], wallet_id: str, asked: Grant) -> Grant:
    """The grant that the key stands for, when it is what was asked for."""
    wallet, found = known
    like = (found.amount, found.kind, found.expires_at, found.priority)
    if wallet != wallet_id or like != (asked.amount, asked.kind, asked.expires_at, asked.priority):
        raise GrantExistsError("this key stands for another grant; take a new key for a new one", key=asked.key[:60])
    return found
