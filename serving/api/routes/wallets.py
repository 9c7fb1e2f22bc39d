"""Wallets: opening them, putting money in, their history, and how they top themselves up. Amounts are in the wallet's currency."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, Field

from billing.customers.store import CustomerStore
from billing.kernel.cadence import Cadence, Interval
from billing.kernel.errors import InvalidError
from billing.kernel.money import Money, parse_decimal
from billing.kernel.page import page_size
from billing.ledger.account import Account
from billing.wallets.fund import Kept, Life, credits_of, grant_to, start_recurring, stop_recurring
from billing.wallets.grant import GrantKind
from billing.wallets.open import Terms, open_wallet, set_low_balance, set_rate, set_top_up
from billing.wallets.recurrence import Rollover
from billing.wallets.spend import balances
from billing.wallets.store import WalletStore
from billing.wallets.topups.request import confirm_top_up, fail_top_up
from billing.wallets.topups.store import TopUpStore
from billing.wallets.topups.top_up import TopUpNotFoundError
from billing.wallets.wallet import TopUpRule
from serving.api import documents
from serving.api import wallet_documents as shapes
from serving.api.context import Context, SecretContext

if TYPE_CHECKING:
    from collections.abc import Sequence

    from billing.db.session import Unit
    from billing.wallets.grant import Credits
    from billing.wallets.wallet import Wallet

router = APIRouter(prefix="/v1/wallets", tags=["wallets"])
_AMOUNT = Field(min_length=1, max_length=40)
_MAYBE = Field(default=None, min_length=1, max_length=40)
_KEY = Field(min_length=1, max_length=160)


class NewTopUpRule(BaseModel):
    """Below `threshold`, ask for `amount`, or for what brings the balance to `target`."""

    threshold: str = _AMOUNT
    amount: str | None = _MAYBE
    target: str | None = _MAYBE
    most_a_month: int = Field(default=1, ge=1, le=100)

    def rule(self, currency: str) -> TopUpRule:
        """The rule in a currency."""
        return TopUpRule(
            threshold=Money.of(self.threshold, currency),
            most=self.most_a_month,
            amount=_money(self.amount, currency),
            target=_money(self.target, currency),
        )


class NewWallet(BaseModel):
    """A customer's wallet in a currency. `overdraft` is how far it may go below zero; `rate` the money that a credit is worth."""

    customer: str = Field(min_length=1, max_length=200)
    currency: str = Field(min_length=3, max_length=3)
    overdraft: str | None = _MAYBE
    rate: str | None = _MAYBE
    low_balance: str | None = _MAYBE
    top_up: NewTopUpRule | None = None

    @property
    def terms(self) -> Terms:
        """How it is to be."""
        overdraft = _money(self.overdraft, self.currency)
        if overdraft is not None and overdraft.amount_minor < 0:
            raise InvalidError("an overdraft is zero or more", field="overdraft")
        return Terms(
            floor=None if overdraft is None else -overdraft,
            rate=None if self.rate is None else parse_decimal(self.rate),
            low_balance=_money(self.low_balance, self.currency),
            top_up=None if self.top_up is None else self.top_up.rule(self.currency),
        )


class Funding(Enum):
    """What a paid grant was paid with."""

    CASH = "cash"
    ACCOUNT = "account"  # an invoice that is still to be paid


class NewGrant(BaseModel):
    """An `amount` of money, or a number of `credits`; `key` names the fact, so that it is granted once."""

    key: str = _KEY
    amount: str | None = _MAYBE
    credits: str | None = _MAYBE
    paid: bool
    paid_by: Funding = Funding.CASH
    priority: int = Field(default=0, ge=0, le=1000)
    starts_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None

    def worth(self, wallet: Wallet) -> Money | Credits:
        """What is granted."""
        if (self.amount is None) == (self.credits is None):
            raise InvalidError("name an 'amount' or a number of 'credits', one of them", field="amount")
        if self.credits is not None:
            return credits_of(wallet, parse_decimal(self.credits))
        return Money.of(self.amount or "", wallet.currency)


class NewRecurrence(BaseModel):
    """An `amount` given every period from `anchor` on; `keeps` bounds what goes over into the next period, nothing unless told."""

    key: str = _KEY
    amount: str = _AMOUNT
    interval: Interval = Interval.MONTH
    every: int = Field(default=1, ge=1, le=120)
    anchor: AwareDatetime | None = None
    keeps_least: str = Field(default="0", max_length=40)
    keeps_most: str = Field(default="0", max_length=40)
    priority: int = Field(default=0, ge=0, le=1000)
    ends_at: AwareDatetime | None = None


class LowBalance(BaseModel):
    """Below which balance somebody is told; null for never."""

    amount: str | None = _MAYBE


class Rate(BaseModel):
    """The money that a credit is worth in grants to come; null for none."""

    rate: str | None = _MAYBE


class Failure(BaseModel):
    """Why a top-up could not be had."""

    code: str = Field(default="failed", min_length=1, max_length=100)


@router.post("", status_code=201)
def create(body: NewWallet, context: SecretContext) -> JSONResponse:
    """Open a wallet, or find the one there is."""

    def work(unit: Unit) -> dict[str, Any]:
        wallet = open_wallet(unit, body.customer, body.currency, now=context.now, terms=body.terms)
        return _shown(unit, wallet, context)

    return context.write(work, body=body, status=201)


@router.get("")
def index(
    context: SecretContext, customer: str | None = None, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """Wallets with their balances, of one customer or all."""
    with context.view() as unit:
        customer_id = CustomerStore(unit).get(customer).id if customer else None
        found = WalletStore(unit).page(limit=page_size(limit), cursor=cursor, customer_id=customer_id)
        names = CustomerStore(unit).by_ids(wallet.customer_id for wallet in found.items)
        standing = _balances(unit, found.items, context)
    items = [shapes.wallet(item, names[item.customer_id].key, standing[item.id]) for item in found.items]
    return documents.page(items, found.next_cursor)


@router.get("/{wallet_id}")
def show(wallet_id: str, context: SecretContext) -> dict[str, Any]:
    """One wallet with the grants that have something left, in the order in which they are used."""
    with context.view() as unit:
        return _shown(unit, WalletStore(unit).get(wallet_id), context)


@router.post("/{wallet_id}/grants", status_code=201)
def add_grant(wallet_id: str, body: NewGrant, context: SecretContext) -> JSONResponse:
    """Put money in, paid for or given; a key that was used answers the grant that it made."""

    def work(unit: Unit) -> dict[str, Any]:
        wallet = WalletStore(unit).get(wallet_id)
        made = grant_to(
            unit,
            wallet_id,
            body.worth(wallet),
            kind=GrantKind.PAID if body.paid else GrantKind.PROMOTIONAL,
            key=body.key,
            now=context.now,
            life=Life(starts_at=body.starts_at, expires_at=body.expires_at, priority=body.priority),
            paid_by=Account.CASH if body.paid_by is Funding.CASH else Account.RECEIVABLE,
        )
        return shapes.grant(made)

    return context.write(work, body=body, status=201)


@router.get("/{wallet_id}/movements")
def movements(
    wallet_id: str, context: SecretContext, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """The history of a wallet, newest first."""
    with context.view() as unit:
        wallet = WalletStore(unit).get(wallet_id)
        found = WalletStore(unit).movements(wallet.id, limit=page_size(limit), cursor=cursor)
    return documents.page([shapes.movement(item) for item in found.items], found.next_cursor)


@router.post("/{wallet_id}/recurring", status_code=201)
def add_recurring(wallet_id: str, body: NewRecurrence, context: SecretContext) -> JSONResponse:
    """Give an amount every period, the present one included."""

    def work(unit: Unit) -> dict[str, Any]:
        wallet = WalletStore(unit).get(wallet_id)
        cadence = Cadence(body.anchor or context.now, body.interval, body.every, wallet.zone)
        rollover = Rollover(
            least=Money.of(body.keeps_least, wallet.currency), most=Money.of(body.keeps_most, wallet.currency)
        )
        start_recurring(
            unit,
            wallet.customer_id,
            Money.of(body.amount, wallet.currency),
            cadence,
            key=body.key,
            now=context.now,
            kept=Kept(rollover=rollover, priority=body.priority, ends_at=body.ends_at),
        )
        return _shown(unit, wallet, context)

    return context.write(work, body=body, status=201)


@router.delete("/{wallet_id}/recurring/{key}")
def end_recurring(wallet_id: str, key: str, context: SecretContext) -> JSONResponse:
    """Give no more; what was given stays until it ends."""

    def work(unit: Unit) -> dict[str, Any]:
        wallet = WalletStore(unit).get(wallet_id)
        stop_recurring(unit, key, at=context.now, wallet_id=wallet.id)
        return _shown(unit, wallet, context)

    return context.write(work)


@router.put("/{wallet_id}/top-up-rule")
def put_rule(wallet_id: str, body: NewTopUpRule, context: SecretContext) -> JSONResponse:
    """When the wallet asks for money, and for how much."""

    def work(unit: Unit) -> dict[str, Any]:
        rule = body.rule(WalletStore(unit).get(wallet_id).currency)
        return _shown(unit, set_top_up(unit, wallet_id, rule), context)

    return context.write(work, body=body)


@router.delete("/{wallet_id}/top-up-rule")
def drop_rule(wallet_id: str, context: SecretContext) -> JSONResponse:
    """Ask for nothing from now on."""
    return context.write(lambda unit: _shown(unit, set_top_up(unit, wallet_id, None), context))


@router.put("/{wallet_id}/low-balance")
def put_low_balance(wallet_id: str, body: LowBalance, context: SecretContext) -> JSONResponse:
    """Below which balance `wallet.low` is told."""

    def work(unit: Unit) -> dict[str, Any]:
        low_balance = _money(body.amount, WalletStore(unit).get(wallet_id).currency)
        return _shown(unit, set_low_balance(unit, wallet_id, low_balance), context)

    return context.write(work, body=body)


@router.put("/{wallet_id}/rate")
def put_rate(wallet_id: str, body: Rate, context: SecretContext) -> JSONResponse:
    """What a credit is worth from now on; grants that were made keep theirs."""
    rate = None if body.rate is None else parse_decimal(body.rate)
    return context.write(lambda unit: _shown(unit, set_rate(unit, wallet_id, rate), context), body=body)


@router.get("/{wallet_id}/top-ups")
def top_ups(
    wallet_id: str, context: SecretContext, limit: int | None = None, cursor: str | None = None
) -> dict[str, Any]:
    """The top-ups that were asked for, newest first."""
    with context.view() as unit:
        wallet = WalletStore(unit).get(wallet_id)
        found = TopUpStore(unit).page(wallet.id, limit=page_size(limit), cursor=cursor)
    return documents.page([shapes.top_up(item) for item in found.items], found.next_cursor)


@router.post("/{wallet_id}/top-ups/{top_up_id}/confirm")
def confirm(wallet_id: str, top_up_id: str, context: SecretContext) -> JSONResponse:
    """Its money came in: the wallet has it."""

    def work(unit: Unit) -> dict[str, Any]:
        _require(unit, wallet_id, top_up_id)
        return shapes.top_up(confirm_top_up(unit, top_up_id, context.now))

    return context.write(work)


@router.post("/{wallet_id}/top-ups/{top_up_id}/fail")
def fail(wallet_id: str, top_up_id: str, context: SecretContext, body: Failure | None = None) -> JSONResponse:
    """It could not be had."""
    told = body or Failure()

    def work(unit: Unit) -> dict[str, Any]:
        _require(unit, wallet_id, top_up_id)
        return shapes.top_up(fail_top_up(unit, top_up_id, context.now, code=told.code))

    return context.write(work, body=told)


def _require(unit: Unit, wallet_id: str, top_up_id: str) -> None:
    wallet = WalletStore(unit).get(wallet_id)
    if TopUpStore(unit).get(top_up_id).wallet_id != wallet.id:
        raise TopUpNotFoundError("this wallet has no such top-up", top_up=top_up_id[:60])


def _money(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money.of(text, currency)


def _balances(unit: Unit, wallets: Sequence[Wallet], context: Context) -> dict[str, Money]:
    """The balance of each wallet by its id: a query a currency."""
    found = {}
    for currency in {wallet.currency for wallet in wallets}:
        mine = [wallet for wallet in wallets if wallet.currency == currency]
        standing = balances(unit, [wallet.customer_id for wallet in mine], currency, context.now)
        found.update({wallet.id: standing[wallet.customer_id] for wallet in mine})
    return found


def _shown(unit: Unit, wallet: Wallet, context: Context) -> dict[str, Any]:
    purse = WalletStore(unit).purse(wallet)
    key = CustomerStore(unit).by_ids([wallet.customer_id])[wallet.customer_id].key
    return {**shapes.wallet(wallet, key, purse.balance(context.now)), **shapes.contents(purse)}
