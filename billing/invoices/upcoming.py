"""What the next invoice would say if the period closed with the usage so far. Stores nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from billing.invoices.build import usage_lines
from billing.invoices.cards import Cards
from billing.invoices.draft import drafted
from billing.invoices.facts import Facts
from billing.invoices.settlement import settled
from billing.invoices.usage import UsageReader
from billing.subscriptions.lines_store import PendingLineStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary
from billing.subscriptions.turn import turn

if TYPE_CHECKING:
    from billing.db.session import Unit
    from billing.invoices.invoice import Invoice


def upcoming(unit: Unit, subscription_id: str) -> Invoice | None:
    """The next invoice of a subscription as it stands: lines that wait, fees to come, usage so far; None where nothing will be billed."""
    subscription = SubscriptionStore(unit).get(subscription_id)
    if next_boundary(subscription) is None:
        return None
    cards = Cards()
    scheduled = [step.version_id for step in subscription.scheduled if step.version_id is not None]
    cards.load(unit, [*subscription.version_ids, *scheduled])
    taken = turn(subscription, cards.versions)
    draft = drafted(taken, PendingLineStore(unit).open(subscription.id, taken.at), cards, timedelta(0))
    if draft is None:
        return None
    draft = replace(draft, id="upcoming")
    cards.load(unit, (line.version_id for line in draft.lines))
    facts, usage = Facts(unit, [draft], cards), UsageReader(unit)
    usage.read([draft], cards)
    lines = usage_lines(draft, cards, usage.of(draft), facts.billed_early(draft))
    whole = replace(draft, lines=(*draft.lines, *lines))
    return settled(replace(whole, summary={}), facts.settlement(whole, subscription.sequence))
