"""Opening wallets, and what may be told of one later: what a credit is worth, when it is low, and when it tops itself up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from billing.customers.store import CustomerStore
from billing.kernel.cadence import zone_of
from billing.kernel.clock import utc
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.wallets.store import WalletStore
from billing.wallets.wallet import TopUpRule, Wallet, WalletExistsError

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from billing.db.session import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a wallet is to be; `floor` is zero unless it may be overdrawn."""

    floor: Money | None = None
    rate: Decimal | None = None
    low_balance: Money | None = None
    top_up: TopUpRule | None = None
    zone: str | None = None


PLAIN = Terms()


def open_wallet(unit: Unit, customer: str, currency: str, *, now: datetime, terms: Terms = PLAIN) -> Wallet:
    """The customer's wallet in a currency, made if there is none; one that is there with another floor is a conflict."""
    found = CustomerStore(unit).lock(customer)
    store = WalletStore(unit)
    floor = terms.floor or Money.zero(currency)
    known = store.lock_of(found.id, currency)
    if known is not None:
        if terms not in (PLAIN, _terms_of(known, terms)):
            raise WalletExistsError(
                f"this customer has a wallet in {currency}; its rules are changed under its own address",
                wallet=known.id,
                currency=currency,
            )
        return known
    zone = terms.zone or found.zone or "UTC"
    zone_of(zone)
    wallet = Wallet(
        id=new_id("wal"),
        customer_id=found.id,
        currency=currency,
        floor=floor,
        zone=zone,
        opened_at=utc(now),
        rate=terms.rate,
        low_balance=terms.low_balance,
        top_up=terms.top_up,
    )
    store.add(wallet)
    return wallet


def set_top_up(unit: Unit, wallet_id: str, rule: TopUpRule | None) -> Wallet:
    """Give a wallet a top-up rule, or take it away; what was asked for already stays asked for."""
    return _changed(unit, replace(WalletStore(unit).lock(wallet_id), top_up=rule))


def set_low_balance(unit: Unit, wallet_id: str, low_balance: Money | None) -> Wallet:
    """From which balance downwards somebody is told; it is told anew."""
    return _changed(unit, replace(WalletStore(unit).lock(wallet_id), low_balance=low_balance, told_low=False))


def set_rate(unit: Unit, wallet_id: str, rate: Decimal | None) -> Wallet:
    """What a credit is worth from now on; grants that were made keep the rate they were sold at."""
    return _changed(unit, replace(WalletStore(unit).lock(wallet_id), rate=rate))


def _changed(unit: Unit, wallet: Wallet) -> Wallet:
    WalletStore(unit).save_rules(wallet)
    return wallet


def _terms_of(wallet: Wallet, asked: Terms) -> Terms:
    """The wallet's own terms, as far as they were asked about."""
    return Terms(
        floor=wallet.floor if asked.floor else None,
        rate=wallet.rate if asked.rate else None,
        low_balance=wallet.low_balance if asked.low_balance else None,
        top_up=wallet.top_up if asked.top_up else None,
        zone=wallet.zone if asked.zone else None,
    )
