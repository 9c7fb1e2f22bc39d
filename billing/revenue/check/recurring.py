"""Check: every subscription's history ends with what it costs a month, and monthly revenue is the sum of its movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.catalog.store import CatalogStore
from billing.kernel.money import Money
from billing.revenue.check.finding import Finding
from billing.revenue.check.pages import MANY
from billing.revenue.mrr.read import read_moves
from billing.subscriptions.fees import monthly_minor, phase_now
from billing.subscriptions.history_store import HistoryStore
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import Status

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription

_PAY_NOTHING = {Status.TRIALING, Status.PAUSED, Status.ENDED}


def check(unit: Unit) -> Iterator[Finding]:
    """Subscriptions against the last step of their history; then their sum against all movements."""
    prices = _Prices(unit)
    sums: dict[str, int] = {}
    for page in _pages(unit):
        last = HistoryStore(unit).last_of({subscription.customer_id for subscription in page})
        prices.load(page)
        for subscription in page:
            costs, told = prices.of(subscription), last.get(subscription.id, 0)
            sums[subscription.currency] = sums.get(subscription.currency, 0) + costs
            if costs != told:
                amounts = {"costs": Money(costs, subscription.currency), "history": Money(told, subscription.currency)}
                yield Finding(
                    code="mrr_differs",
                    sentence=f"{subscription.id} costs {amounts['costs']} a month, its history says {amounts['history']}",
                    ids=(subscription.id, subscription.customer_id),
                    amounts=amounts,
                )
    yield from _summed(unit, sums)


def _summed(unit: Unit, sums: dict[str, int]) -> Iterator[Finding]:
    moved: dict[str, int] = {}
    for move in read_moves(unit):
        moved[move.currency] = moved.get(move.currency, 0) + move.minor
    for currency in sorted(sums.keys() | moved.keys()):
        costs, movements = Money(sums.get(currency, 0), currency), Money(moved.get(currency, 0), currency)
        if costs != movements:
            yield Finding(
                code="mrr_movements",
                sentence=f"what runs costs {costs} a month, the movements sum to {movements}",
                ids=(currency,),
                amounts={"running": costs, "movements": movements},
            )


class _Prices:
    """What subscriptions cost a month; those on the same terms are priced once."""

    def __init__(self, unit: Unit) -> None:
        self._catalog = CatalogStore(unit)
        self._versions: dict[str, PlanVersion] = {}
        self._known: dict[Hashable, int] = {}

    def load(self, subscriptions: list[Subscription]) -> None:
        """The versions that these have pinned."""
        wanted = {version for each in subscriptions for version in each.version_ids} - self._versions.keys()
        if wanted:
            self._versions.update(self._catalog.by_ids(wanted))

    def of(self, subscription: Subscription) -> int:
        """The monthly value in minor units: nothing in a trial, in a pause and after the end."""
        in_trial = subscription.trial_ends_at is not None and subscription.billed_periods == 0
        if subscription.status in _PAY_NOTHING or subscription.paused_at is not None or in_trial:
            return 0
        phases = self._versions[subscription.version_id].terms.phases
        phase = phase_now(subscription) if phases else 0
        terms = (subscription.currency, subscription.items, repr(subscription.facts.to_document()), phase)
        if terms not in self._known:
            self._known[terms] = monthly_minor(subscription, self._versions)
        return self._known[terms]


def _pages(unit: Unit) -> Iterator[list[Subscription]]:
    store, cursor = SubscriptionStore(unit), None
    while True:
        page = store.page(limit=MANY, cursor=cursor)
        yield list(page.items)
        if page.next_cursor is None:
            return
        cursor = page.next_cursor
