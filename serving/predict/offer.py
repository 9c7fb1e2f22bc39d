"""From a customer to an offer: gather what is known, decide (pure), quote the exact price, keep the decision.

The quote and the decision are written in one transaction, so an offer that is shown can be accepted at its price, and what a held-out
customer would have seen is kept beside what the others saw.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from billing.catalog.plan import PlanKind
from billing.catalog.setting import Setting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.invoices.cycle import bill_subscription
from billing.kernel.clock import format_instant
from billing.kernel.errors import ConflictError
from billing.kernel.ids import new_id
from billing.pricing.quote import money_document
from billing.pricing.ratecard import recurring_price
from billing.subscriptions.change import accept_quote, quote_change
from billing.subscriptions.lines_store import QuoteStore
from billing.subscriptions.store import SubscriptionStore
from features.decisions.store import Decision, DecisionStore
from features.scores.store import ScoreStore
from models.offers.context import OfferContext, PastDecision, Target
from models.offers.decide import decide
from models.offers.holdout import is_held_out
from serving.predict.signals import denials_of, limits_of, locked_features
from serving.settings import grace_of, quote_life_of
from serving.telemetry import DECISIONS

if TYPE_CHECKING:
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.subscriptions.commit import Changed
    from billing.subscriptions.subscription import Quote, Subscription
    from models.offers.context import Candidate
    from serving.wiring import Services

MEMORY = timedelta(days=90)
OUTCOMES = ("impression", "click", "dismiss", "accept")
OPTED_OUT = "no_profiling"


class OfferGoneError(ConflictError):
    """There is no offer behind this decision that could be accepted."""

    code = "no_offer"


def make_decision(
    unit: Unit, services: Services, customer_key: str, *, placement: str, now: datetime
) -> dict[str, Any]:
    """Decide for one customer at one placement and keep the decision; the answer is the decision document."""
    customer = CustomerStore(unit).get(customer_key)
    running = _running(unit, services, customer, now)
    context = _context(unit, services, customer, running, placement=placement, now=now)
    choice = decide(context)
    DECISIONS.labels(choice.reason).inc()
    if choice.repeat is not None:
        return _document(unit, DecisionStore(unit).get(choice.repeat.id))
    quote = None
    if choice.candidate is not None and running is not None:
        life = quote_life_of(services.settings)
        quote = quote_change(unit, running.id, choice.candidate.target.key, now=now, life=life)
    decision = _decision(customer, choice.candidate, quote, reason=choice.reason, placement=placement, now=now)
    DecisionStore(unit).add(Decision(**decision, trace=choice.trace))
    return _document(unit, DecisionStore(unit).get(decision["id"]))


def _running(unit: Unit, services: Services, customer: Customer, now: datetime) -> Subscription | None:
    """The subscription billed up to now; one whose end that brings about gives nothing to change any more."""
    found = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    if found is None:
        return None
    bill_subscription(unit, found.id, now=now, grace=grace_of(services.settings))
    billed = SubscriptionStore(unit).get(found.id)
    return billed if billed.is_running else None


def record_outcome(
    unit: Unit, decision_id: str, kind: str, *, customer_id: str | None, now: datetime
) -> dict[str, Any]:
    """Keep what came of a decision. Accepting changes the subscription at the quoted price, in this same transaction."""
    decision = DecisionStore(unit).get(decision_id)
    if customer_id is not None and decision.customer_id != customer_id:
        raise OfferGoneError("this decision was made for another customer", decision=decision_id)
    answer: dict[str, Any] = {"decision_id": decision_id, "kind": kind, "recorded": True}
    if kind in decision.outcomes:
        return {**answer, "recorded": False}
    if kind == "accept":
        changed = _accept(unit, decision, now=now)
        answer["subscription"] = changed.subscription.id
        answer["plan"] = changed.subscription.plan_key
        answer["total"] = money_document(changed.total)
    DecisionStore(unit).record_outcome(decision_id, kind, now)
    return answer


def _accept(unit: Unit, decision: Decision, *, now: datetime) -> Changed:
    if decision.quote_id is None:
        raise OfferGoneError("no offer was made, so there is nothing to accept", decision=decision.id)
    return accept_quote(unit, decision.quote_id, now=now)


def _context(
    unit: Unit,
    services: Services,
    customer: Customer,
    running: Subscription | None,
    *,
    placement: str,
    now: datetime,
) -> OfferContext:
    catalog = CatalogStore(unit)
    versions = catalog.current()
    pinned = catalog.by_ids(running.version_ids) if running else {}
    scores = ScoreStore(unit).of_customer(customer.id)
    tenant_id = unit.scope.tenant_id
    share = services.settings.holdout_per_ten_thousand
    past = DecisionStore(unit).of_customer(customer.id, now - MEMORY)
    return OfferContext(
        customer=customer.key,
        placement=placement,
        now=now,
        is_held_out=is_held_out(tenant_id, customer.key, share=share),
        opted_out=OPTED_OUT in customer.consents,
        current=_target(pinned[running.version_id]) if running else None,
        targets=_targets(running, versions, pinned),
        limits=limits_of(unit, customer.id, now=now),
        denials=denials_of(services.counters, tenant_id, customer.key, locked_features(unit, customer.id, now=now)),
        propensity=scores["propensity"].value if "propensity" in scores else None,
        churn_risk=scores["churn"].value if "churn" in scores else None,
        past=tuple(_past(decision, _open_until(unit, decision, running, now)) for decision in past),
    )


def _targets(
    running: Subscription | None, versions: dict[str, PlanVersion], pinned: dict[str, PlanVersion]
) -> tuple[Target, ...]:
    if running is None:
        return ()
    current = pinned[running.version_id]
    fitting = [version for version in versions.values() if _may_buy(version, running, current)]
    return tuple(sorted(map(_target, fitting), key=lambda target: (target.recurring.amount_minor, target.key)))


def _may_buy(version: PlanVersion, running: Subscription, current: PlanVersion) -> bool:
    if running.owns(version.plan_key) or version.currency != running.currency:
        return False
    if (version.interval, version.interval_count) != (current.interval, current.interval_count):
        return False
    if version.kind is PlanKind.ADDON:
        return not version.requires or running.plan_key in version.requires
    return version.rank > current.rank


def _target(version: PlanVersion) -> Target:
    return Target(
        kind=version.kind.value,
        key=version.plan_key,
        name=version.plan_name,
        rank=version.rank,
        gives={grant.feature: grant.value for grant in version.grants if not isinstance(grant.value, Setting)},
        recurring=recurring_price(version.charges, version.currency),
    )


def _open_until(unit: Unit, decision: Decision, running: Subscription | None, now: datetime) -> datetime | None:
    """Until when an offer can be taken; not at all once the subscription has changed since its price was promised."""
    if decision.quote_id is None or decision.expires_at is None or decision.expires_at <= now:
        return decision.expires_at
    quote = QuoteStore(unit).get(decision.quote_id)
    return decision.expires_at if running is not None and quote.revision == running.revision else None


def _past(decision: Decision, open_until: datetime | None) -> PastDecision:
    return PastDecision(
        id=decision.id,
        target=decision.target,
        placement=decision.placement,
        decided_at=decision.decided_at,
        expires_at=open_until,
        outcomes=decision.outcomes,
    )


def _decision(
    customer: Customer,
    candidate: Candidate | None,
    quote: Quote | None,
    *,
    reason: str,
    placement: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": new_id("dec"),
        "customer_id": customer.id,
        "placement": placement,
        "target": candidate.target.key if candidate else None,
        "target_kind": candidate.target.kind if candidate else None,
        "quote_id": quote.id if quote else None,
        "message": candidate.message if candidate else "",
        "reason": reason,
        "decided_at": now,
        "expires_at": quote.expires_at if quote else None,
    }


def _document(unit: Unit, decision: Decision) -> dict[str, Any]:
    document: dict[str, Any] = {"decision_id": decision.id, "offer": None, "reason": decision.reason}
    if decision.quote_id is not None and decision.expires_at is not None:
        quote = QuoteStore(unit).get(decision.quote_id)
        version = CatalogStore(unit).by_ids([quote.version_id])[quote.version_id]
        document["offer"] = {
            "kind": decision.target_kind,
            "target": decision.target,
            "quote": {
                "id": quote.id,
                "total": money_document(quote.total),
                "recurring": money_document(quote.recurring),
                "interval": version.interval,
                "interval_count": version.interval_count,
                "lines": [dict(line) for line in quote.lines],
            },
            "expires_at": format_instant(decision.expires_at),
            "message": decision.message,
        }
    return document
