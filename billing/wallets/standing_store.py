"""The queries over many wallets: balances for a billing run, what is due, what runs short, and what the history adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from billing.wallets.tables import WalletGrantRow, WalletMovementRow, WalletRecurrenceRow, WalletRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select

    from billing.db.session import Unit


class StandingStore:
    """Reads the wallets of one tenant together; every amount is in minor units."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def balances(self, customer_ids: Sequence[str], currency: str, at: datetime) -> dict[str, tuple[int, int]]:
        """The balance and the floor of each of these customers who has a wallet in the currency."""
        query = _balance(at).where(WalletRow.customer_id.in_(sorted(set(customer_ids))), WalletRow.currency == currency)
        return {customer: (int(balance), floor) for _, customer, balance, floor in self._session.execute(query)}

    def short(self, at: datetime, *, limit: int, after: str = "") -> list[str]:
        """Wallets with a top-up rule whose balance is below its threshold, by id, later than `after`."""
        query = _balance(at).where(WalletRow.threshold_minor.is_not(None), WalletRow.id > after)
        query = query.having(_counted() - WalletRow.overdrawn_minor < WalletRow.threshold_minor)
        return [wallet for wallet, *_ in self._session.execute(query.order_by(WalletRow.id).limit(limit))]

    def due(self, now: datetime, *, limit: int) -> list[str]:
        """Wallets in which something happened by itself up to `now` that is not written down: an end, a reset, a repayment."""
        ends = select(WalletGrantRow.wallet_id).where(
            WalletGrantRow.remaining_minor > 0, WalletGrantRow.expires_at <= now
        )
        resets = select(WalletRecurrenceRow.wallet_id).where(WalletRecurrenceRow.next_at <= now)
        repays = (
            select(WalletGrantRow.wallet_id)
            .join(WalletRow, WalletRow.id == WalletGrantRow.wallet_id)
            .where(WalletRow.overdrawn_minor > 0, WalletGrantRow.remaining_minor > 0, WalletGrantRow.starts_at <= now)
        )
        found: set[str] = set()
        for query in (ends, resets, repays):
            found.update(self._session.scalars(query.distinct().limit(limit)))
        return sorted(found)[:limit]

    def next_due(self, after: datetime) -> datetime | None:
        """When something happens by itself next, later than `after`."""
        queries = (
            select(func.min(WalletGrantRow.expires_at)).where(
                WalletGrantRow.remaining_minor > 0, WalletGrantRow.expires_at > after
            ),
            select(func.min(WalletRecurrenceRow.next_at)).where(WalletRecurrenceRow.next_at > after),
            select(func.min(WalletGrantRow.starts_at)).where(
                WalletGrantRow.remaining_minor > 0, WalletGrantRow.starts_at > after
            ),
        )
        moments = [self._session.scalar(query) for query in queries]
        return min((moment for moment in moments if moment is not None), default=None)

    def ending(self, until: datetime, *, limit: int) -> list[tuple[datetime, str, int, str]]:
        """(when, customer, minor units, currency) of what is left of grants that end by `until`, soonest first."""
        query = (
            select(WalletGrantRow.expires_at, WalletRow.customer_id, WalletGrantRow.remaining_minor, WalletRow.currency)
            .join(WalletRow, WalletRow.id == WalletGrantRow.wallet_id)
            .where(WalletGrantRow.remaining_minor > 0, WalletGrantRow.expires_at <= until)
            .order_by(WalletGrantRow.expires_at, WalletGrantRow.id)
        )
        return _dated(self._session.execute(query.limit(limit)))

    def recurring(self, until: datetime, *, limit: int) -> list[tuple[datetime, str, int, str]]:
        """(when, customer, minor units, currency) of the next grant of each rule that gives one by `until`, soonest first."""
        rule = WalletRecurrenceRow
        query = (
            select(rule.next_at, WalletRow.customer_id, rule.amount_minor, WalletRow.currency)
            .join(WalletRow, WalletRow.id == rule.wallet_id)
            .where(rule.next_at <= until)
            .order_by(rule.next_at, rule.id)
        )
        return _dated(self._session.execute(query.limit(limit)))

    def held(self) -> dict[tuple[str, str], int]:
        """All that wallets hold less their overdrafts, by customer and currency."""
        query = (
            select(
                WalletRow.customer_id,
                WalletRow.currency,
                func.coalesce(func.sum(WalletGrantRow.remaining_minor), 0) - WalletRow.overdrawn_minor,
            )
            .outerjoin(WalletGrantRow, WalletGrantRow.wallet_id == WalletRow.id)
            .group_by(WalletRow.id, WalletRow.customer_id, WalletRow.currency, WalletRow.overdrawn_minor)
        )
        return {(customer, currency): int(minor) for customer, currency, minor in self._session.execute(query)}

    def stored(self) -> dict[tuple[str, str | None], int]:
        """What is stored by wallet and grant; under no grant the overdraft, zero or below."""
        grants = select(WalletGrantRow.wallet_id, WalletGrantRow.id, WalletGrantRow.remaining_minor)
        found: dict[tuple[str, str | None], int] = {
            (wallet, grant): minor for wallet, grant, minor in self._session.execute(grants)
        }
        for wallet, minor in self._session.execute(select(WalletRow.id, WalletRow.overdrawn_minor)):
            found[wallet, None] = -minor
        return found

    def folded(self) -> dict[tuple[str, str | None], int]:
        """The same, as the movements add up."""
        query = select(
            WalletMovementRow.wallet_id, WalletMovementRow.grant_id, func.sum(WalletMovementRow.amount_minor)
        ).group_by(WalletMovementRow.wallet_id, WalletMovementRow.grant_id)
        return {(wallet, grant): int(minor) for wallet, grant, minor in self._session.execute(query)}

    def below_floor(self) -> list[str]:
        """Wallets that are overdrawn further than they may be."""
        query = select(WalletRow.id).where(WalletRow.overdrawn_minor > -WalletRow.floor_minor)
        return list(self._session.scalars(query.order_by(WalletRow.id)))


def _dated(rows: Iterable[Any]) -> list[tuple[datetime, str, int, str]]:
    return [(at, who, int(minor), currency) for at, who, minor, currency in rows]


def _counted() -> ColumnElement[int]:
    return func.coalesce(func.sum(WalletGrantRow.remaining_minor), 0)


def _balance(at: datetime) -> Select[str, str, int, int]:
    """Wallets with their balance at an instant, by wallet."""
    counts = (
        (WalletGrantRow.wallet_id == WalletRow.id)
        & (WalletGrantRow.remaining_minor > 0)
        & (WalletGrantRow.starts_at <= at)
        & (WalletGrantRow.expires_at.is_(None) | (WalletGrantRow.expires_at > at))
    )
    columns = (WalletRow.id, WalletRow.customer_id, WalletRow.overdrawn_minor, WalletRow.floor_minor)
    return (
        select(WalletRow.id, WalletRow.customer_id, _counted() - WalletRow.overdrawn_minor, WalletRow.floor_minor)
        .outerjoin(WalletGrantRow, counts)
        .group_by(*columns, WalletRow.threshold_minor)
    )
