"""What deciding about one customer takes, read once and kept: the card of the customer, and the shelf that all of a tenant share.

A card holds what changes by acts that tell of themselves (a subscription, rights, usage, scores, signals, the policy). What one request
changes for the next, places under the caps and what came of past offers, is never kept: it is read in the transaction that decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from billing.catalog.coupons.offer import CouponNotFoundError
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.subscriptions.coupons.redeem import redeemable
from billing.subscriptions.coupons.redemption import CouponRefusedError
from billing.subscriptions.store import SubscriptionStore
from billing.subscriptions.subscription import next_boundary
from features.contact.consent import OPTED_OUT
from features.decisions.showing_store import ShowingStore
from features.experiments.store import ExperimentStore
from features.offers.store import OfferPolicyStore
from features.scores.store import ScoreStore
from models.offers.context import Learned
from models.offers.holdout import is_held_out
from serving.predict.bundle_offer import bundle_targets
from serving.predict.offer_targets import Saves, target_of, targets_of
from serving.predict.signals import signals_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.customers.customer import Customer
    from billing.db.session import Unit
    from billing.subscriptions.subscription import Subscription
    from features.experiments.experiment import Running
    from features.offers.policy import OfferPolicy
    from features.scores.store import Score
    from models.offers.context import Target
    from serving.predict.signals import Seen
    from serving.wiring import Services

TRIED: Final = timedelta(days=90)
"""How far back offers count as tried."""
FRESH: Final = timedelta(days=45)
"""How old a model's word on uplift may be before it is taken for stale."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What all customers of a tenant share: what is sold now, the policy, running experiments, and how offers went so far."""

    versions: Mapping[str, PlanVersion]
    policy: OfferPolicy
    running: tuple[Running, ...]
    tried: Mapping[str, tuple[int, int]]

    def experiments_of(self, placement: str) -> tuple[Running, ...]:
        """The running experiments that a placement takes part in."""
        return tuple(each for each in self.running if each.placement in {None, placement})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One customer at `read_at`. `running` is their subscription, billed up to then, `pinned` its versions by id.

    `due_at` is when billing comes first (None for never): from then on the card does not serve.
    """

    customer: Customer
    running: Subscription | None
    pinned: Mapping[str, PlanVersion]
    targets: tuple[Target, ...]
    current: Target | None
    seen: Seen
    learned: Learned
    is_held_out: bool
    shelf: Shelf
    read_at: datetime
    due_at: datetime | None

    @property
    def customer_id(self) -> str:
        """The id of whom it is about."""
        return self.customer.id

    @property
    def opted_out(self) -> bool:
        """Whether the customer does not want to be profiled."""
        return OPTED_OUT in self.customer.consents

    @property
    def owned(self) -> frozenset[str]:
        """The keys of the plan and add-ons they have."""
        return frozenset(version.plan_key for version in self.pinned.values())

    def is_sound(self, now: datetime) -> bool:
        """Whether nothing that was known when it was read makes it wrong by `now`."""
        return self.read_at <= now and (self.due_at is None or now < self.due_at)


def read_shelf(unit: Unit, services: Services, *, now: datetime) -> Shelf:
    """What a tenant's customers share, as it stands; a holdout that the policy leaves open is the installation's."""
    policy = OfferPolicyStore(unit).get()
    if policy.holdout_per_ten_thousand is None:
        policy = replace(policy, holdout_per_ten_thousand=services.settings.holdout_per_ten_thousand)
    return Shelf(
        versions=CatalogStore(unit).current(),
        policy=policy,
        running=tuple(ExperimentStore(unit).running()),
        tried=ShowingStore(unit).tried(now - TRIED),
    )


def read_card(unit: Unit, services: Services, customer_key: str, shelf: Shelf, *, now: datetime) -> Card:
    """A customer as they stand. Raises CustomerNotFoundError. A subscription with something due is to be billed first."""
    customer = CustomerStore(unit).get(customer_key)
    running = SubscriptionStore(unit).running_of([customer.id]).get(customer.id)
    pinned = _pinned(unit, running, shelf)
    return Card(
        customer=customer,
        running=running,
        pinned=pinned,
        targets=_targets(unit, services, customer, running, pinned, shelf, now),
        current=target_of(pinned[running.version_id], running.currency) if running else None,
        seen=signals_of(unit, services, customer, running, now=now, thresholds=shelf.policy.limit_thresholds),
        learned=_learned(ScoreStore(unit).of_customer(customer.id), shelf, now),
        is_held_out=_is_held_out(unit.scope.tenant_id, customer.key, shelf.policy),
        shelf=shelf,
        read_at=now,
        due_at=None if running is None else next_boundary(running),
    )


def _pinned(unit: Unit, running: Subscription | None, shelf: Shelf) -> Mapping[str, PlanVersion]:
    if running is None:
        return {}
    newest = {version.id: version for version in shelf.versions.values()}
    old = [each for each in running.version_ids if each not in newest]
    found = newest | (CatalogStore(unit).by_ids(old) if old else {})
    return {each: found[each] for each in running.version_ids}


def _targets(  # noqa: PLR0917 (what a reading has at hand)
    unit: Unit,
    services: Services,
    customer: Customer,
    running: Subscription | None,
    pinned: Mapping[str, PlanVersion],
    shelf: Shelf,
    now: datetime,
) -> tuple[Target, ...]:
    if running is None:
        return ()
    policy = shelf.policy
    coupons = []
    for key in policy.save_coupons:
        try:
            coupons.append(redeemable(unit, running, key, now=now))
        except (CouponRefusedError, CouponNotFoundError):
            continue
    saves = Saves(coupons=coupons, pause_days=policy.save_pause_days, smaller=policy.save_smaller)
    more = bundle_targets(unit, services.models, customer.key, now=now, currency=running.currency)
    return targets_of(running, shelf.versions, pinned, saves, now=now, more=more)


def _learned(scores: Mapping[str, Score], shelf: Shelf, now: datetime) -> Learned:
    uplift = scores.get("uplift")
    interval = (uplift.document.get("low"), uplift.document.get("high")) if uplift else (None, None)
    return Learned(
        uplift=uplift.value if uplift else None,
        uplift_low=interval[0],
        uplift_high=interval[1],
        uplift_fresh=uplift is not None and now - uplift.as_of < FRESH,
        propensity=scores["propensity"].value if "propensity" in scores else None,
        churn_risk=scores["churn"].value if "churn" in scores else None,
        tried=shelf.tried,
    )


def _is_held_out(tenant_id: str, customer_key: str, policy: OfferPolicy) -> bool:
    share = policy.holdout_per_ten_thousand or 0
    return is_held_out(tenant_id, customer_key, share=share, salt=policy.holdout_salt)
