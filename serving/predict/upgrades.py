"""The next plan or add-on of a customer: the catalogue's declared graph, what they own and use, and the most pressing step.

`upgrades_to`, `excludes` and `family` are attributes of a plan's or add-on's key where the shop declared them; `requires` and ranks are the
catalogue's own. A plan without a family belongs to the one family that has no name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from billing.catalog.plan import PlanKind
from billing.catalog.setting import Setting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.pricing.quote import money_document
from billing.pricing.ratecard import recurring_price
from billing.subscriptions.store import SubscriptionStore
from billing.tastes.store import TasteStore
from models.recommender.upgrade import Standing, Step, next_steps
from serving.predict.denials import denials_of
from serving.predict.signals import limits_of, locked_features

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.counters import Counters
    from billing.db.session import Unit
    from billing.kernel.money import Money
    from billing.subscriptions.subscription import Subscription
    from models.recommender.recommendation import ScoredItem

LEVEL = "graph"


def upgrades(
    unit: Unit, counters: Counters, customer: str | None, *, k: int, blocked: frozenset[str], now: datetime
) -> dict[str, Any]:
    """Up to k steps with their reasons and recurring prices; a customer without a subscription has none, and the answer says so."""
    answer: dict[str, Any] = {"decision_id": new_id("dec"), "model": None, "items": [], "level": LEVEL}
    known = CustomerStore(unit).find(customer) if customer else None
    running = SubscriptionStore(unit).running_of([known.id]).get(known.id) if known else None
    if known is None or running is None:
        return {**answer, "shortfall": "no_subscription"}
    catalog = CatalogStore(unit)
    versions = catalog.current()
    pinned = catalog.by_ids(running.version_ids)
    fitting = {
        key: version for key, version in versions.items() if _same_terms(version, running, pinned[running.version_id])
    }
    declared = TasteStore(unit).all_attributes()
    steps = {version.plan_key: _step(version, declared.get(version.plan_key, {})) for version in pinned.values()}
    steps = {key: _step(version, declared.get(key, {})) for key, version in fitting.items()} | steps
    locked = locked_features(unit, known.id, now=now)
    standing = Standing(
        plan=running.plan_key,
        owned=frozenset(key for key in steps if running.owns(key)) | {running.plan_key},
        limits={use.feature: (use.used, use.limit) for use in limits_of(unit, known.id, now=now)},
        held=frozenset(catalog.features()) - frozenset(locked),
        denials=denials_of(counters, unit.scope.tenant_id, known.key, locked, now=now),
    )
    found = next_steps(steps, standing, k=k, blocked=blocked)
    items = [_document(one, versions) for one in found]
    return {**answer, "items": items, "shortfall": None if len(items) >= k else "no_further_step"}


def _same_terms(version: PlanVersion, running: Subscription, current: PlanVersion) -> bool:
    """Billed in the same currency and rhythm: anything else is another contract."""
    rhythm = (version.interval, version.interval_count) == (current.interval, current.interval_count)
    return version.currency == running.currency and rhythm


def _step(version: PlanVersion, declared: Mapping[str, frozenset[str]]) -> Step:
    return Step(
        key=version.plan_key,
        kind="addon" if version.kind is PlanKind.ADDON else "plan",
        rank=version.rank,
        recurring_minor=_recurring(version).amount_minor,
        gives={grant.feature: grant.value for grant in version.grants if not isinstance(grant.value, Setting)},
        requires=frozenset(version.requires),
        excludes=declared.get("excludes", frozenset()),
        upgrades_to=declared.get("upgrades_to", frozenset()),
        family=min(declared.get("family", frozenset()), default=""),
    )


def _recurring(version: PlanVersion) -> Money:
    return recurring_price(version.charges, version.currency)


def _document(step: ScoredItem, versions: Mapping[str, PlanVersion]) -> dict[str, Any]:
    version = versions[step.item]
    return {
        "item": step.item,
        "score": round(step.score, 6),
        "reasons": [
            {"kind": reason.kind, "item": reason.item, "name": None, "share": round(reason.share, 4)}
            for reason in step.reasons
        ],
        "name": version.plan_name,
        "kind": version.kind.value,
        "price": money_document(_recurring(version)),
    }
