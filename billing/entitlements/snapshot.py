"""Everything the gate can be asked about one customer, read at one instant: immutable, with a version, answering without I/O.

The version is a digest of what decides the answers, so it is the same in every process that read the same, and another as soon as
anything differs. An answer says by `as_of` when its facts were read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from hashlib import blake2b
from typing import TYPE_CHECKING

from billing.catalog.feature_terms import NOTHING, Failure
from billing.catalog.item import Feature, FeatureKind, FeatureNotFoundError
from billing.catalog.setting import Setting
from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.entitlements.access import suspended
from billing.entitlements.check import period_of, price, unlocks, usage
from billing.entitlements.compiled import compiled, unread
from billing.entitlements.grant import effective
from billing.entitlements.holds.store import HoldStore
from billing.entitlements.store import GrantStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.plan import PlanVersion
    from billing.db.session import Unit
    from billing.entitlements.access import Access
    from billing.entitlements.compiled import Compiled
    from billing.entitlements.grant import Grant
    from billing.kernel.money import Money

    AccessEnds = Callable[[str], datetime | None]

ONE = Decimal(1)
_DIGEST = 12


@dataclass(frozen=True, slots=True)
class Known:
    """What all customers of a tenant share: its features by key, and what is sold now."""

    features: Mapping[str, Feature]
    plans: tuple[PlanVersion, ...]
    _prices: dict[str, Money] = field(default_factory=dict, compare=False, repr=False)

    def price(self, version: PlanVersion) -> Money:
        """What a version costs each time it renews; worked out once."""
        found = self._prices.get(version.id)
        if found is None:
            found = self._prices[version.id] = price(version)
        return found


def read_known(unit: Unit) -> Known:
    """The catalogue as the gate needs it."""
    catalog = CatalogStore(unit)
    return Known(catalog.features(), tuple(catalog.current().values()))


@dataclass(frozen=True, slots=True)
class Entry:
    """A feature's evaluator with what was used and set aside of it when it was read."""

    rule: Compiled
    used: Decimal
    held: Decimal
    kind: FeatureKind = FeatureKind.BOOLEAN


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One customer's rights and usage at `read_at`, sound until `valid_until` (excluded; None: until something changes)."""

    tenant_id: str
    customer_id: str
    customer: str
    version: str
    read_at: datetime
    valid_until: datetime | None
    is_overdue: bool
    entries: Mapping[str, Entry]
    is_cut_off: bool = False
    _told: dict[str, Access] = field(default_factory=dict, compare=False, repr=False)

    @property
    def features(self) -> tuple[str, ...]:
        """Keys of all features, in order."""
        return tuple(self.entries)

    def answer(self, feature: str, quantity: Decimal = ONE) -> Access:
        """The gate's answer; FeatureNotFoundError for a feature that is not. That about one unit is worked out once."""
        if quantity is not ONE and quantity != ONE:
            return self._answer(feature, quantity)
        told = self._told.get(feature)
        if told is None:
            told = self._answer(feature, ONE)
            if feature in self.entries:
                self._told[feature] = told
        return told

    def _answer(self, feature: str, quantity: Decimal) -> Access:
        entry = self.entries.get(feature)
        if entry is None:
            if self.is_cut_off:
                return unread(self.customer, feature, Failure.CLOSED, self.read_at)
            raise FeatureNotFoundError(f"there is no feature {feature[:60]!r}", feature=feature[:200])
        if self.is_cut_off:
            return self._late(entry.rule.unreadable(self.read_at))
        return self._late(entry.rule.answer(used=entry.used, quantity=quantity, now=self.read_at, held=entry.held))

    def is_sound(self, now: datetime) -> bool:
        """Whether nothing that was known when it was read changes the answers by `now`."""
        return self.valid_until is None or now < self.valid_until

    def cut_off(self) -> Snapshot:
        """What to answer while nothing newer can be read: rights as they were, usage by each feature's choice."""
        return replace(self, is_cut_off=True, version=f"{self.version}-cut-off", _told={})

    def _late(self, answer: Access) -> Access:
        return suspended(answer) if self.is_overdue else answer


def read_snapshot(
    unit: Unit, customer: str, known: Known, *, now: datetime, access_ends: AccessEnds | None = None
) -> Snapshot:
    """A customer (by key) as they stand. Raises CustomerNotFoundError.

    `access_ends` tells of a customer (by id) when they may use nothing more because of what they owe, None for not that is known.
    """
    owner = CustomerStore(unit).get(customer)
    grants = GrantStore(unit).ahead_of_customer(owner.id, now)
    meters = {feature.meter_key for feature in known.features.values() if feature.meter_key is not None}
    aside = HoldStore(unit).held([owner.id], meters, now) if meters else {}
    current = [grant for grant in grants if grant.in_force(now)]
    own: dict[str, list[Grant]] = {}
    for grant in grants:
        own.setdefault(grant.feature, []).append(grant)
    is_subscribed = any(grant.is_sold for grant in current)
    measured: dict[tuple[str | None, object], Decimal] = {}
    entries = {}
    for feature in known.features.values():
        rule = _rule(owner.key, feature, own.get(feature.key, ()), now, is_subscribed=is_subscribed)
        if not rule.is_always:
            rule = replace(rule, unlock=unlocks(feature, rule.right, current, known.plans, known.price))
        counted = (feature.meter_key, rule.period)
        if counted not in measured:
            measured[counted] = usage(unit, owner.id, feature, rule.period)
        reserved = aside.get((owner.id, feature.meter_key or ""), NOTHING)
        entries[feature.key] = Entry(rule, measured[counted], reserved, feature.kind)
    end = None if access_ends is None else access_ends(owner.id)
    late = end is not None and end <= now
    edges = [edge for grant in grants for edge in (grant.starts_at, grant.ends_at) if edge is not None and edge > now]
    edges += [entry.rule.period.end for entry in entries.values() if entry.rule.period is not None]
    edges += [edge for edge in (end, HoldStore(unit).next_expiry(owner.id, now)) if edge is not None and edge > now]
    return Snapshot(
        tenant_id=unit.scope.tenant_id,
        customer_id=owner.id,
        customer=owner.key,
        version=_version(entries.values(), is_overdue=late),
        read_at=now,
        valid_until=min(edges, default=None),
        is_overdue=late,
        entries=entries,
    )


def nothing_known(tenant_id: str, customer: str, known: Known | None, now: datetime) -> Snapshot:
    """What to answer about a customer of whom nothing could ever be read: every feature by its own choice, unknown ones closed."""
    features = () if known is None else known.features.values()
    rules = [(each, _rule(customer, each, (), now, is_subscribed=False)) for each in features]
    entries = {
        each.key: Entry(replace(rule, fixed=None, is_counted=False), NOTHING, NOTHING, each.kind)
        for each, rule in rules
    }
    return Snapshot(
        tenant_id=tenant_id,
        customer_id="",
        customer=customer,
        version="unknown",
        read_at=now,
        valid_until=now,
        is_overdue=False,
        entries=entries,
        is_cut_off=True,
    )


def _rule(customer: str, feature: Feature, grants: Sequence[Grant], now: datetime, *, is_subscribed: bool) -> Compiled:
    right = effective(grants, now)
    is_counted = right is not None and not isinstance(right.value, bool | Setting)
    return compiled(
        customer,
        feature.key,
        right,
        has_subscription=is_subscribed,
        terms=feature.terms,
        period=period_of(right, now) if is_counted else None,
        default=feature.default,
    )


def _version(entries: Iterable[Entry], *, is_overdue: bool) -> str:
    digest = blake2b(b"late" if is_overdue else b"", digest_size=_DIGEST)
    for entry in entries:
        rule = entry.rule
        period = None if rule.period is None else rule.period.end
        parts = (
            rule.feature,
            entry.kind,
            rule.fixed,
            rule.value,
            rule.terms,
            period,
            rule.sources,
            rule.unlock,
            entry.used,
            entry.held,
        )
        digest.update(repr(parts).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
