"""Billing some subscriptions in one transaction: everything is read together, decided in memory, and written together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from billing.entitlements.store import GrantStore
from billing.invoices.cards import Cards
from billing.invoices.deferred.lines import defer
from billing.invoices.draft import drafted
from billing.invoices.facts import Facts
from billing.invoices.finish import finish
from billing.invoices.store import InvoiceStore
from billing.invoices.usage import UsageReader
from billing.kernel.errors import UptierError
from billing.subscriptions.history import record
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.rights import grants_of
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.turn import turn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice
    from billing.subscriptions.subscription import PendingLine, Subscription
    from billing.subscriptions.turn import Turn


@dataclass(slots=True)
class RunReport:
    """What a billing run did: due instants taken, invoices drafted and issued.

    `failed` names what could not be billed, and why; it is tried again by the next run.
    """

    taken: int = 0
    drafted: int = 0
    issued: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def add(self, other: RunReport) -> None:
        """Count another part of the same run in."""
        self.taken += other.taken
        self.drafted += other.drafted
        self.issued += other.issued
        self.failed += other.failed


@dataclass(frozen=True, slots=True)
class Run:
    """What every batch of a run shares."""

    now: datetime
    grace: timedelta
    cards: Cards = field(default_factory=Cards)


def bill_batch(unit: Unit, subscriptions: Sequence[Subscription], run: Run) -> RunReport:
    """Take the next due instant of each of these locked subscriptions, draft what it bills, and issue what need not wait."""
    report = RunReport()
    run.cards.load(unit, (version for each in subscriptions for version in _versions(each)))
    pending = PendingLineStore(unit).open_of([each.id for each in subscriptions], run.now)
    turns: list[tuple[Turn, Invoice | None]] = []
    for subscription in subscriptions:
        try:
            taken = turn(subscription, run.cards.versions)
            turns.append((taken, drafted(taken, pending.get(subscription.id, ()), run.cards, run.grace)))
        except UptierError as error:
            report.failed.append((subscription.id, error.detail))
    invoices = [invoice for _, invoice in turns if invoice is not None]
    ready = [invoice for invoice in invoices if invoice.closes_at <= run.now]
    waiting = [invoice for invoice in invoices if invoice.closes_at > run.now]
    run.cards.load(unit, (version for draft in ready for version in _versions_of(draft)))  # and of plans left before
    final = _finish(unit, ready, run, report)
    InvoiceStore(unit).add_many([*waiting, *final])
    defer(unit, final)
    _take(unit, turns, pending)
    _carry_forward(unit, turns)
    report.taken, report.drafted = len(turns), len(invoices)
    return report


def issue_batch(unit: Unit, drafts: Sequence[Invoice], run: Run) -> RunReport:
    """Make locked drafts final."""
    report = RunReport()
    run.cards.load(unit, (version for draft in drafts for version in _versions_of(draft)))
    final = _finish(unit, drafts, run, report)
    InvoiceStore(unit).save_many(drafts, final)
    defer(unit, final)
    return report


def _finish(unit: Unit, drafts: Sequence[Invoice], run: Run, report: RunReport) -> list[Invoice]:
    if not drafts:
        return []
    facts = Facts(unit, drafts, run.cards, now=run.now)
    done = finish(unit, drafts, run.cards, facts, UsageReader(unit), now=run.now)
    report.issued += len(done.issued)
    report.failed += [(invoice.id, invoice.failure or "") for invoice in done.failed]
    return [*done.issued, *done.failed]


def _take(unit: Unit, turns: Sequence[tuple[Turn, Invoice | None]], pending: dict[str, list[PendingLine]]) -> None:
    """Mark the lines that waited as held by their invoices."""
    held = {
        line.key: invoice.id
        for taken, invoice in turns
        if invoice is not None
        for line in pending.get(taken.before.id, ())
        if line.created_at <= taken.at
    }
    PendingLineStore(unit).take_many(held)


def _carry_forward(unit: Unit, turns: Sequence[tuple[Turn, Invoice | None]]) -> None:
    after = [
        replace(taken.after, sequence=taken.after.sequence + 1) if invoice is not None else taken.after
        for taken, invoice in turns
    ]
    SubscriptionStore(unit).save_many([taken.before for taken, _ in turns], after)
    grants = GrantStore(unit)
    for (taken, _), subscription in zip(turns, after, strict=True):
        for source in taken.rights_end:
            grants.end(subscription.id, taken.at, source_key=source)
        if taken.rights_begin:
            give_rights(unit, subscription, taken.rights_begin, taken.at)
        for kind in taken.told:
            record(unit, subscription, kind, at=taken.at)


def give_rights(unit: Unit, subscription: Subscription, version_ids: Sequence[str], at: datetime) -> None:
    """The rights of these versions, from an instant on."""
    cards = Cards()
    cards.load(unit, version_ids)
    for version_id in version_ids:
        GrantStore(unit).add(grants_of(cards.versions[version_id], subscription, at))


def _versions(subscription: Subscription) -> list[str]:
    scheduled = [step.version_id for step in subscription.scheduled if step.version_id is not None]
    return [*subscription.version_ids, *scheduled]


def _versions_of(draft: Invoice) -> set[str]:
    return {*draft.version_ids, *(line.version_id for line in draft.lines)}
