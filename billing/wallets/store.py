"""The queries over wallets, their grants and their movements.

Who changes a wallet locks its row first and reads it again then; what was read before is not trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from billing.kernel.cadence import Cadence, Interval
from billing.kernel.ids import new_id
from billing.kernel.money import Money
from billing.kernel.page import Page, decode_cursor, encode_cursor
from billing.wallets.grant import Credits, Grant, GrantKind
from billing.wallets.movement import Movement, MovementKind
from billing.wallets.purse import Purse
from billing.wallets.recurrence import Recurrence, Rollover
from billing.wallets.tables import WalletGrantRow, WalletMovementRow, WalletRecurrenceRow, WalletRow
from billing.wallets.wallet import TopUpRule, Wallet, WalletNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from decimal import Decimal

    from sqlalchemy import Select, Update

    from billing.db.base import TenantRow
    from billing.db.session import Unit


class WalletStore:
    """Reads and writes the wallets of one tenant."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, wallet: Wallet) -> None:
        """A new, empty wallet; a second one of a customer and currency is a conflict."""
        values = {
            "id": wallet.id,
            "customer_id": wallet.customer_id,
            "currency": wallet.currency,
            "floor_minor": wallet.floor.amount_minor,
            "overdrawn_minor": 0,
            "revision": 0,
            "zone": wallet.zone,
            "opened_at": wallet.opened_at,
            **_rules(wallet),
        }
        self._session.execute(insert(WalletRow), [values])

    def save_rules(self, wallet: Wallet) -> None:
        """What may be told of a wallet later: its rate, its low balance and its top-up rule."""
        self._session.execute(_change(WalletRow).where(WalletRow.id == wallet.id).values(**_rules(wallet)))

    def get(self, wallet_id: str) -> Wallet:
        """A wallet by its id."""
        return self._one(select(WalletRow).where(WalletRow.id == wallet_id), wallet_id)

    def lock(self, wallet_id: str) -> Wallet:
        """The same, to change it: others who lock it wait until this unit of work ends."""
        return self._one(select(WalletRow).where(WalletRow.id == wallet_id).with_for_update(), wallet_id)

    def find(self, customer_id: str, currency: str) -> Wallet | None:
        """A customer's wallet in a currency."""
        return self._maybe(_of(customer_id, currency))

    def lock_of(self, customer_id: str, currency: str) -> Wallet | None:
        """The same, to change it."""
        return self._maybe(_of(customer_id, currency).with_for_update())

    def lock_many(self, customer_ids: Iterable[str], currency: str) -> None:
        """Lock the wallets of many customers, in an order that cannot make two wait for each other."""
        query = select(WalletRow.id).where(WalletRow.customer_id.in_(sorted(set(customer_ids))))
        query = query.where(WalletRow.currency == currency).order_by(WalletRow.id)
        self._session.execute(query.with_for_update()).all()

    def page(self, *, limit: int, cursor: str | None = None, customer_id: str | None = None) -> Page[Wallet]:
        """Wallets, oldest first."""
        query = select(WalletRow).order_by(WalletRow.id).limit(limit + 1)
        if cursor is not None:
            query = query.where(WalletRow.id > decode_cursor(cursor))
        if customer_id is not None:
            query = query.where(WalletRow.customer_id == customer_id)
        rows = list(self._session.scalars(_fresh(query)))
        items = tuple(_wallet(row) for row in rows[:limit])
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def purse(self, wallet: Wallet, *, grant_ids: Iterable[str] = ()) -> Purse:
        """What the wallet holds: grants with something left, those named here, and the rules that still grant."""
        row = self._session.scalars(_fresh(select(WalletRow).where(WalletRow.id == wallet.id))).one()
        grants = select(WalletGrantRow).where(WalletGrantRow.wallet_id == wallet.id)
        grants = grants.where(or_(WalletGrantRow.remaining_minor > 0, WalletGrantRow.id.in_(sorted(set(grant_ids)))))
        rules = select(WalletRecurrenceRow).where(
            WalletRecurrenceRow.wallet_id == wallet.id, WalletRecurrenceRow.next_at.is_not(None)
        )
        return Purse(
            floor=wallet.floor,
            overdrawn=Money(row.overdrawn_minor, wallet.currency),
            revision=row.revision,
            grants=tuple(
                _grant(found, wallet.currency)
                for found in self._session.scalars(_fresh(grants.order_by(WalletGrantRow.id)))
            ),
            recurrences=tuple(
                _recurrence(found, wallet.currency)
                for found in self._session.scalars(_fresh(rules.order_by(WalletRecurrenceRow.id)))
            ),
        )

    def save(
        self, wallet: Wallet, before: Purse, after: Purse, movements: Sequence[Movement], *, told_low: bool
    ) -> None:
        """Write the difference between two purses and the movements that made it; the wallet is locked."""
        change = _change(WalletRow).where(WalletRow.id == wallet.id)
        overdrawn_minor = after.overdrawn.amount_minor
        values = {"overdrawn_minor": overdrawn_minor, "revision": before.revision + 1, "told_low": told_low}
        self._session.execute(change.values(**values))
        known = {grant.id: grant for grant in before.grants}
        new = [_grant_values(grant, wallet.id) for grant in after.grants if grant.id not in known]
        if new:
            self._session.execute(insert(WalletGrantRow), new)
        for grant in after.grants:
            if grant.id in known and grant.remaining != known[grant.id].remaining:
                left = _change(WalletGrantRow).where(WalletGrantRow.id == grant.id)
                self._session.execute(left.values(remaining_minor=grant.remaining.amount_minor))
        for old, rule in zip(before.recurrences, after.recurrences, strict=True):
            if old != rule:
                self.save_recurrence(rule)
        if movements:
            self._session.execute(insert(WalletMovementRow), [_movement_values(each, wallet.id) for each in movements])

    def add_recurrence(self, wallet: Wallet, rule: Recurrence) -> None:
        """A rule that grants again every period; a key that is taken is a conflict."""
        cadence = rule.cadence
        values = {
            "id": rule.id,
            "wallet_id": wallet.id,
            "key": rule.key,
            "amount_minor": rule.amount.amount_minor,
            **_credit_values(rule.credits),
            "priority": rule.priority,
            "anchor": cadence.anchor,
            "interval": cadence.interval.value,
            "interval_count": cadence.count,
            "zone": cadence.zone,
            "keeps_least_minor": rule.rollover.least.amount_minor,
            "keeps_most_minor": rule.rollover.most.amount_minor,
            "first_number": rule.first_number,
            **_progress(rule),
        }
        self._session.execute(insert(WalletRecurrenceRow), [values])

    def save_recurrence(self, rule: Recurrence) -> None:
        """How far a rule has come, and when it ends."""
        change = _change(WalletRecurrenceRow).where(WalletRecurrenceRow.id == rule.id)
        self._session.execute(change.values(**_progress(rule)))

    def recurrence(self, key: str) -> tuple[str, Recurrence] | None:
        """The rule with this key, and the id of its wallet."""
        row = self._session.scalar(_fresh(select(WalletRecurrenceRow).where(WalletRecurrenceRow.key == key)))
        return None if row is None else (row.wallet_id, _recurrence(row, self.get(row.wallet_id).currency))

    def grant_by_key(self, key: str) -> tuple[str, Grant] | None:
        """The grant that a fact made, and the id of its wallet."""
        row = self._session.scalar(_fresh(select(WalletGrantRow).where(WalletGrantRow.key == key)))
        return None if row is None else (row.wallet_id, _grant(row, self.get(row.wallet_id).currency))

    def movement_by_key(self, key: str) -> Movement | None:
        """The movement that a fact made."""
        row = self._session.scalar(select(WalletMovementRow).where(WalletMovementRow.key == key))
        return None if row is None else self._movements([row])[0]

    def movements_of_invoice(self, invoice_id: str) -> dict[str, list[Movement]]:
        """What was spent on an invoice and returned, in order, by wallet."""
        query = select(WalletMovementRow).where(WalletMovementRow.invoice_id == invoice_id)
        rows = list(self._session.scalars(query.order_by(WalletMovementRow.id)))
        found: dict[str, list[Movement]] = {}
        for row, movement in zip(rows, self._movements(rows), strict=True):
            found.setdefault(row.wallet_id, []).append(movement)
        return found

    def movements(self, wallet_id: str, *, limit: int, cursor: str | None = None) -> Page[Movement]:
        """The history of a wallet, newest first."""
        query = select(WalletMovementRow).where(WalletMovementRow.wallet_id == wallet_id)
        query = query.order_by(WalletMovementRow.id.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(WalletMovementRow.id < decode_cursor(cursor))
        rows = list(self._session.scalars(query))
        items = tuple(self._movements(rows[:limit]))
        return Page(items, encode_cursor(items[-1].id) if len(rows) > limit else None)

    def _movements(self, rows: Sequence[WalletMovementRow]) -> list[Movement]:
        wallets = select(WalletRow.id, WalletRow.currency).where(WalletRow.id.in_({row.wallet_id for row in rows}))
        currency_of = {each.id: each.currency for each in self._session.execute(wallets)} if rows else {}
        return [_movement(row, currency_of[row.wallet_id]) for row in rows]

    def _one(self, query: Select[WalletRow], wallet_id: str) -> Wallet:
        found = self._maybe(query)
        if found is None:
            raise WalletNotFoundError("there is no such wallet", wallet=wallet_id[:60])
        return found

    def _maybe(self, query: Select[WalletRow]) -> Wallet | None:
        row = self._session.scalar(_fresh(query))
        return None if row is None else _wallet(row)


def _of(customer_id: str, currency: str) -> Select[WalletRow]:
    return select(WalletRow).where(WalletRow.customer_id == customer_id, WalletRow.currency == currency)


def _fresh(query: Select[Any]) -> Select[Any]:
    """As the database has it now, whatever this unit read before."""
    return query.execution_options(populate_existing=True)


def _change(row: type[TenantRow]) -> Update:
    return update(row).execution_options(synchronize_session=False)


def _minor(money: Money | None) -> int | None:
    return None if money is None else money.amount_minor


def _rules(wallet: Wallet) -> dict[str, Any]:
    rule = wallet.top_up
    return {
        "rate": wallet.rate,
        "low_balance_minor": _minor(wallet.low_balance),
        "told_low": wallet.told_low,
        "threshold_minor": rule and rule.threshold.amount_minor,
        "top_up_minor": rule and _minor(rule.amount),
        "target_minor": rule and _minor(rule.target),
        "most_a_month": rule and rule.most,
    }


def _progress(rule: Recurrence) -> dict[str, Any]:
    return {"next_number": rule.next_number, "next_at": rule.next_at, "ends_at": rule.ends_at}


def _credit_values(credits_: Credits | None) -> dict[str, Decimal | None]:
    if credits_ is None:
        return {"credits": None, "rate": None}
    return {"credits": credits_.count, "rate": credits_.rate}


def _grant_values(grant: Grant, wallet_id: str) -> dict[str, Any]:
    return {
        "id": grant.id,
        "wallet_id": wallet_id,
        "key": grant.key,
        "kind": grant.kind.value,
        "amount_minor": grant.amount.amount_minor,
        "remaining_minor": grant.remaining.amount_minor,
        **_credit_values(grant.credits),
        "priority": grant.priority,
        "starts_at": grant.starts_at,
        "expires_at": grant.expires_at,
        "created_at": grant.created_at,
        "recurrence_id": grant.recurrence_id,
    }


def _movement_values(movement: Movement, wallet_id: str) -> dict[str, Any]:
    return {
        "id": new_id("wmv"),
        "wallet_id": wallet_id,
        "grant_id": movement.grant_id,
        "key": movement.key,
        "kind": movement.kind.value,
        "amount_minor": movement.amount.amount_minor,
        "at": movement.at,
        "invoice_id": movement.invoice_id,
    }


def _wallet(row: WalletRow) -> Wallet:
    def money(minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, row.currency)

    threshold = money(row.threshold_minor)
    return Wallet(
        id=row.id,
        customer_id=row.customer_id,
        currency=row.currency,
        floor=Money(row.floor_minor, row.currency),
        zone=row.zone,
        opened_at=row.opened_at,
        rate=row.rate,
        low_balance=money(row.low_balance_minor),
        told_low=row.told_low,
        top_up=None
        if threshold is None
        else TopUpRule(
            threshold=threshold,
            most=row.most_a_month or 1,
            amount=money(row.top_up_minor),
            target=money(row.target_minor),
        ),
    )


def _credits(row: WalletGrantRow | WalletRecurrenceRow) -> Credits | None:
    return None if row.credits is None or row.rate is None else Credits(count=row.credits, rate=row.rate)


def _grant(row: WalletGrantRow, currency: str) -> Grant:
    return Grant(
        id=row.id,
        key=row.key,
        kind=GrantKind(row.kind),
        amount=Money(row.amount_minor, currency),
        remaining=Money(row.remaining_minor, currency),
        starts_at=row.starts_at,
        created_at=row.created_at,
        expires_at=row.expires_at,
        priority=row.priority,
        recurrence_id=row.recurrence_id,
        credits=_credits(row),
    )


def _recurrence(row: WalletRecurrenceRow, currency: str) -> Recurrence:
    return Recurrence(
        id=row.id,
        key=row.key,
        amount=Money(row.amount_minor, currency),
        cadence=Cadence(row.anchor, Interval(row.interval), row.interval_count, row.zone),
        rollover=Rollover(least=Money(row.keeps_least_minor, currency), most=Money(row.keeps_most_minor, currency)),
        first_number=row.first_number,
        next_number=row.next_number,
        priority=row.priority,
        ends_at=row.ends_at,
        credits=_credits(row),
    )


def _movement(row: WalletMovementRow, currency: str) -> Movement:
    return Movement(
        id=row.id,
        key=row.key,
        kind=MovementKind(row.kind),
        grant_id=row.grant_id,
        amount=Money(row.amount_minor, currency),
        at=row.at,
        invoice_id=row.invoice_id,
    )
