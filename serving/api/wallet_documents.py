"""JSON documents of wallets, their grants, movements and top-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.kernel.money import format_quantity
from serving.api.documents import instant, money

if TYPE_CHECKING:
    from decimal import Decimal

    from billing.kernel.money import Money
    from billing.wallets.grant import Grant
    from billing.wallets.movement import Movement
    from billing.wallets.purse import Purse
    from billing.wallets.topups.top_up import TopUp
    from billing.wallets.wallet import Wallet


def contents(purse: Purse) -> dict[str, Any]:
    """What is in a wallet, in the order of use, and what comes again."""
    return {
        "grants": [grant(each) for each in sorted(purse.grants, key=lambda each: each.place)],
        "recurring": [
            {
                "key": rule.key,
                "amount": money(rule.amount),
                "interval": rule.cadence.interval.value,
                "every": rule.cadence.count,
                "next_at": instant(rule.next_at),
                "ends_at": instant(rule.ends_at),
                "keeps_least": money(rule.rollover.least),
                "keeps_most": money(rule.rollover.most),
            }
            for rule in purse.recurrences
        ],
    }


def wallet(value: Wallet, customer_key: str, balance: Money) -> dict[str, Any]:
    """A wallet and its balance."""
    rule = value.top_up
    return {
        "id": value.id,
        "customer": customer_key,
        "currency": value.currency,
        "balance": money(balance),
        "overdraft": money(-value.floor),
        "rate": _decimal(value.rate),
        "low_balance": money(value.low_balance),
        "top_up": None
        if rule is None
        else {
            "threshold": money(rule.threshold),
            "amount": money(rule.amount),
            "target": money(rule.target),
            "most_a_month": rule.most,
        },
        "opened_at": instant(value.opened_at),
    }


def grant(value: Grant) -> dict[str, Any]:
    """A grant and what is left of it."""
    return {
        "id": value.id,
        "key": value.key,
        "kind": value.kind.value,
        "amount": money(value.amount),
        "remaining": money(value.remaining),
        "credits": None if value.credits is None else _decimal(value.credits.count),
        "rate": None if value.credits is None else _decimal(value.credits.rate),
        "priority": value.priority,
        "starts_at": instant(value.starts_at),
        "expires_at": instant(value.expires_at),
        "created_at": instant(value.created_at),
    }


def movement(value: Movement) -> dict[str, Any]:
    """One fact of a wallet's history."""
    return {
        "id": value.id,
        "kind": value.kind.value,
        "grant": value.grant_id,
        "amount": money(value.amount),
        "at": instant(value.at),
        "invoice": value.invoice_id,
    }


def top_up(value: TopUp) -> dict[str, Any]:
    """A top-up that was asked for."""
    return {
        "id": value.id,
        "wallet": value.wallet_id,
        "number": value.number,
        "amount": money(value.amount),
        "state": value.state.value,
        "requested_at": instant(value.requested_at),
        "settled_at": instant(value.settled_at),
        "code": value.code,
    }


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else format_quantity(value)
