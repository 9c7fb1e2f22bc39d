"""The queries over payment methods, attempts and dunning: what money is to be asked for, how, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from billing.db.changes import changed
from billing.db.upsert import insert_new_silently
from billing.kernel.money import Money
from billing.payments.attempt import (
    OPEN,
    UNSETTLED,
    Attempt,
    AttemptNotFoundError,
    AttemptState,
    Method,
    MethodNotFoundError,
)
from billing.payments.dunning import Dunning, DunningState
from billing.payments.tables import AttemptRow, DunningRow, MethodRow

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Update

    from billing.db.base import TenantRow
    from billing.db.session import Unit

_OPEN = sorted(state.value for state in OPEN)
_UNSETTLED = sorted(state.value for state in UNSETTLED)
_WITHOUT_ACCESS = sorted(state.value for state in (DunningState.PAST_DUE, DunningState.EXHAUSTED))


class MethodStore:
    """Reads and writes saved payment methods."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, method: Method) -> None:
        """A method; as the default one it takes the place of the one before."""
        if method.is_default:
            self._no_default(method.customer_id)
        self._session.add(
            MethodRow(
                id=method.id,
                customer_id=method.customer_id,
                provider=method.provider,
                token=method.token,
                account=method.account,
                label=method.label,
                is_default=method.is_default,
                added_at=method.added_at,
                removed_at=method.removed_at,
            )
        )
        self._session.flush()

    def make_default(self, method: Method) -> None:
        """From now on this one is charged."""
        self._no_default(method.customer_id)
        self._session.execute(_change(MethodRow).where(MethodRow.id == method.id).values(is_default=True))
        self._session.expire_all()

    def remove(self, method_id: str, now: datetime) -> None:
        """Charged no more; the row stays, for the attempts that name it."""
        change = _change(MethodRow).where(MethodRow.id == method_id, MethodRow.removed_at.is_(None))
        self._session.execute(change.values(removed_at=now, is_default=False))
        self._session.expire_all()

    def references(self, customer_id: str) -> list[str]:
        """The tokens and accounts by which providers know a customer, of methods removed or not."""
        query = select(MethodRow.token, MethodRow.account).where(MethodRow.customer_id == customer_id)
        return sorted({word for row in self._session.execute(query) for word in row if word})

    def forget(self, customer_id: str, now: datetime) -> int:
        """Blank what is known of a customer's methods; the rows stay, for the attempts that name them. How many there were."""
        mine = select(MethodRow.id).where(MethodRow.customer_id == customer_id)
        count = len(list(self._session.scalars(mine)))
        change = _change(MethodRow).where(MethodRow.customer_id == customer_id)
        removed = func.coalesce(MethodRow.removed_at, now)
        self._session.execute(change.values(token="", account="", label="", is_default=False, removed_at=removed))
        self._session.expire_all()
        return count

    def _no_default(self, customer_id: str) -> None:
        self._session.execute(
            _change(MethodRow)
            .where(MethodRow.customer_id == customer_id, MethodRow.is_default)
            .values(is_default=False)
        )

    def get(self, method_id: str) -> Method:
        """A method, removed or not."""
        row = self._session.scalar(select(MethodRow).where(MethodRow.id == method_id))
        if row is None:
            raise MethodNotFoundError("there is no such payment method", method=method_id[:60])
        return _method(row)

    def of_customer(self, customer_id: str) -> list[Method]:
        """The methods of a customer that were not removed, oldest first."""
        query = select(MethodRow).where(MethodRow.customer_id == customer_id, MethodRow.removed_at.is_(None))
        return [_method(row) for row in self._session.scalars(query.order_by(MethodRow.id))]

    def account_of(self, customer_id: str, provider: str) -> str | None:
        """A provider's account of a customer, from any method that was ever saved there."""
        query = select(MethodRow.account).where(MethodRow.customer_id == customer_id, MethodRow.provider == provider)
        return self._session.scalar(query.order_by(MethodRow.id.desc()).limit(1))

    def defaults_of(self, customer_ids: Collection[str]) -> dict[str, Method]:
        """The default method of each of these customers that has one."""
        query = select(MethodRow).where(
            MethodRow.customer_id.in_(sorted(customer_ids)), MethodRow.is_default, MethodRow.removed_at.is_(None)
        )
        return {row.customer_id: _method(row) for row in self._session.scalars(query)}


class AttemptStore:
    """Reads and writes attempts."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add(self, attempt: Attempt) -> None:
        """An attempt, before its provider is asked; a second open one of an invoice is a conflict."""
        self._session.add(
            AttemptRow(
                id=attempt.id,
                invoice_id=attempt.invoice_id,
                customer_id=attempt.customer_id,
                method_id=attempt.method_id,
                provider=attempt.provider,
                number=attempt.number,
                amount_minor=attempt.amount.amount_minor,
                currency=attempt.amount.currency,
                prepared_at=attempt.prepared_at,
                **_attempt_changes(attempt),
            )
        )
        self._session.flush()

    def save(self, attempt: Attempt) -> None:
        """Its new state."""
        change = _change(AttemptRow).where(AttemptRow.id == attempt.id)
        self._session.execute(change.values(**_attempt_changes(attempt)))
        self._session.expire_all()

    def get(self, attempt_id: str) -> Attempt:
        """An attempt by its id, as it is now."""
        found = self.find(attempt_id)
        if found is None:
            raise AttemptNotFoundError("there is no such attempt", attempt=attempt_id[:60])
        return found

    def find(self, attempt_id: str) -> Attempt | None:
        """The same, or None."""
        query = select(AttemptRow).where(AttemptRow.id == attempt_id)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        return None if row is None else _attempt(row)

    def of_invoice(self, invoice_id: str) -> list[Attempt]:
        """The attempts for an invoice, in their order."""
        query = select(AttemptRow).where(AttemptRow.invoice_id == invoice_id).order_by(AttemptRow.number)
        return [_attempt(row) for row in self._session.scalars(query)]

    def last_number(self, invoice_id: str) -> int:
        """How many attempts were made for an invoice."""
        query = select(func.max(AttemptRow.number)).where(AttemptRow.invoice_id == invoice_id)
        return int(self._session.scalar(query) or 0)

    def open_invoices(self, invoice_ids: Collection[str]) -> set[str]:
        """Those of these invoices that an attempt is open for."""
        query = select(AttemptRow.invoice_id).where(
            AttemptRow.invoice_id.in_(sorted(invoice_ids)), AttemptRow.state.in_(_OPEN)
        )
        return set(self._session.scalars(query))

    def unsettled(self, provider: str, before: datetime, *, after: str = "", limit: int = 500) -> list[Attempt]:
        """Attempts of unknown outcome that were prepared at `before` or earlier, by id, from `after` on."""
        query = select(AttemptRow).where(
            AttemptRow.state.in_(_UNSETTLED),
            AttemptRow.provider == provider,
            AttemptRow.prepared_at <= before,
            AttemptRow.id > after,
        )
        return [_attempt(row) for row in self._session.scalars(query.order_by(AttemptRow.id).limit(limit))]


class DunningStore:
    """Reads and writes the collection of invoices."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def find(self, invoice_id: str) -> Dunning | None:
        """The collection of an invoice, once it was tried."""
        query = select(DunningRow).where(DunningRow.invoice_id == invoice_id)
        row = self._session.scalar(query.execution_options(populate_existing=True))
        return None if row is None else _dunning(row)

    def save(self, dunning: Dunning) -> None:
        """New or changed; the caller holds the invoice's lock."""
        values = _dunning_values(dunning)
        insert_new_silently(self._session, DunningRow, [dict(values)])
        self._session.execute(_change(DunningRow).where(DunningRow.invoice_id == dunning.invoice_id).values(**values))
        self._session.expire_all()
        changed(self._session, [dunning.customer_id])

    def of_invoices(self, invoice_ids: Collection[str]) -> dict[str, Dunning]:
        """The collections of these invoices."""
        query = select(DunningRow).where(DunningRow.invoice_id.in_(sorted(invoice_ids)))
        return {row.invoice_id: _dunning(row) for row in self._session.scalars(query)}

    def past_due_of_customer(self, customer_id: str) -> list[Dunning]:
        """A customer's invoices that are past due and not given up."""
        query = select(DunningRow).where(
            DunningRow.customer_id == customer_id, DunningRow.state == DunningState.PAST_DUE.value
        )
        return [_dunning(row) for row in self._session.scalars(query.order_by(DunningRow.invoice_id))]

    def overdue(self, now: datetime, *, limit: int = 500) -> list[str]:
        """Invoices with nothing left to try whose time is over."""
        query = select(DunningRow.invoice_id).where(
            DunningRow.state == DunningState.PAST_DUE.value,
            DunningRow.next_attempt_at.is_(None),
            DunningRow.gives_up_at <= now,
        )
        return list(self._session.scalars(query.order_by(DunningRow.invoice_id).limit(limit)))

    def planned(self, until: datetime, *, limit: int) -> list[Dunning]:
        """What is past due and is tried, or given up, by `until`; by invoice."""
        gives_up = DunningRow.next_attempt_at.is_(None) & (DunningRow.gives_up_at <= until)
        query = select(DunningRow).where(
            DunningRow.state == DunningState.PAST_DUE.value, (DunningRow.next_attempt_at <= until) | gives_up
        )
        return [_dunning(row) for row in self._session.scalars(query.order_by(DunningRow.invoice_id).limit(limit))]

    def next_due(self, after: datetime) -> datetime | None:
        """The first instant after `after` at which something is to be tried, or given up."""
        past_due = DunningRow.state == DunningState.PAST_DUE.value
        tried = select(func.min(DunningRow.next_attempt_at)).where(past_due, DunningRow.next_attempt_at > after)
        given_up = select(func.min(DunningRow.gives_up_at)).where(
            past_due, DunningRow.next_attempt_at.is_(None), DunningRow.gives_up_at > after
        )
        moments = [self._session.scalar(tried), self._session.scalar(given_up)]
        return min((moment for moment in moments if moment is not None), default=None)

    def past_due_of(self, customer_ids: Collection[str]) -> dict[str, Dunning]:
        """Of each of these customers that has not paid: the invoice that is past due for longest."""
        query = select(DunningRow).where(
            DunningRow.customer_id.in_(sorted(customer_ids)), DunningRow.state.in_(_WITHOUT_ACCESS)
        )
        rows = self._session.scalars(query.order_by(DunningRow.past_due_at.desc(), DunningRow.invoice_id.desc()))
        return {row.customer_id: _dunning(row) for row in rows}


def _method(row: MethodRow) -> Method:
    return Method(
        id=row.id,
        customer_id=row.customer_id,
        provider=row.provider,
        token=row.token,
        account=row.account,
        label=row.label,
        is_default=row.is_default,
        added_at=row.added_at,
        removed_at=row.removed_at,
    )


def _attempt_changes(attempt: Attempt) -> dict[str, Any]:
    return {
        "state": attempt.state.value,
        "reference": attempt.reference,
        "code": attempt.code,
        "retryable": attempt.retryable,
        "settled_at": attempt.settled_at,
    }


def _attempt(row: AttemptRow) -> Attempt:
    return Attempt(
        id=row.id,
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        method_id=row.method_id,
        provider=row.provider,
        number=row.number,
        amount=Money(row.amount_minor, row.currency),
        state=AttemptState(row.state),
        prepared_at=row.prepared_at,
        reference=row.reference,
        code=row.code,
        retryable=row.retryable,
        settled_at=row.settled_at,
    )


def _dunning_values(dunning: Dunning) -> dict[str, Any]:
    return {
        "invoice_id": dunning.invoice_id,
        "customer_id": dunning.customer_id,
        "state": dunning.state.value,
        "failures": dunning.failures,
        "next_attempt_at": dunning.next_attempt_at,
        "past_due_at": dunning.past_due_at,
        "gives_up_at": dunning.gives_up_at,
        "blocked_method": dunning.blocked_method,
        "last_code": dunning.last_code,
    }


def _dunning(row: DunningRow) -> Dunning:
    return Dunning(
        invoice_id=row.invoice_id,
        customer_id=row.customer_id,
        state=DunningState(row.state),
        failures=row.failures,
        next_attempt_at=row.next_attempt_at,
        past_due_at=row.past_due_at,
        gives_up_at=row.gives_up_at,
        blocked_method=row.blocked_method,
        last_code=row.last_code,
    )


def _change(row: type[TenantRow]) -> Update:
    """A change of rows; what the session has read of them is forgotten by the caller."""
    return update(row).execution_options(synchronize_session=False)
