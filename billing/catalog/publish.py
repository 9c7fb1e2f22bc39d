"""Publishing a plan or add-on: the rate card is checked by the pricing package's own reader, then frozen as the next version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.catalog.item import FeatureKind
from billing.catalog.plan import Granted, PlanKind, PlanVersion
from billing.catalog.setting import Setting, setting
from billing.catalog.store import CatalogStore
from billing.catalog.terms import Billing, PlanTerms, parse_terms
from billing.catalog.terms_fields import TermsError
from billing.catalog.terms_limits import check_meters
from billing.kernel.cadence import Interval
from billing.kernel.errors import InvalidError
from billing.kernel.ids import new_id
from billing.kernel.money import exponent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from billing.catalog.item import Meter, MeterUse
    from billing.catalog.setting import Value
    from billing.db.session import Unit

    ChargeReader = Callable[[Mapping[str, Any]], MeterUse | None]

MAX_CHARGE_KEY = 80  # it is a part of the keys of invoice lines

MOST_UNITS = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a business wants to sell, before it is checked."""

    key: str
    name: str
    kind: PlanKind
    rank: int
    currency: str
    interval: str
    charges: Sequence[Mapping[str, Any]]
    grants: Sequence[Granted]
    interval_count: int = 1
    requires: Sequence[str] = ()
    terms: Mapping[str, Any] = field(default_factory=dict)


def publish(unit: Unit, draft: Draft, *, read_charge: ChargeReader, now: datetime) -> PlanVersion:
    """Freeze the next version of a plan. `read_charge` checks one charge document and tells what it reads of which meter, if any."""
    store = CatalogStore(unit)
    exponent(draft.currency)
    if draft.interval not in {interval.value for interval in Interval}:
        raise InvalidError("a plan renews by day, week, month or year", interval=draft.interval)
    if draft.interval_count < 1:
        raise InvalidError("a plan renews every one or more intervals", interval_count=draft.interval_count)
    meters = store.meters()
    _check_charges(draft, read_charge, meters)
    terms = parse_terms(draft.terms)
    _check_terms(draft, terms, read_charge, meters)
    grants = _grants(draft, {key: feature.kind for key, feature in store.features().items()})
    earlier = store.versions(draft.key)
    if earlier and earlier[-1].kind is not draft.kind:
        raise InvalidError(f"{draft.key!r} is already an {earlier[-1].kind.value}", plan=draft.key)
    version = PlanVersion(
        id=new_id("pv"),
        plan_key=draft.key,
        plan_name=draft.name,
        kind=draft.kind,
        rank=draft.rank,
        number=len(earlier) + 1,
        currency=draft.currency,
        interval=draft.interval,
        interval_count=draft.interval_count,
        charges=tuple(draft.charges),
        grants=grants,
        requires=tuple(draft.requires),
        published_at=now,
        terms=terms,
    )
    store.add_version(version)
    unit.emit("plan.published", version.id, {"plan": version.plan_key, "version": version.number}, now)
    return version


def _check_charges(draft: Draft, read_charge: ChargeReader, meters: Mapping[str, Meter]) -> None:
    keys = [str(document.get("key")) for document in draft.charges]
    repeated = next((key for key in keys if keys.count(key) > 1), None)
    if repeated is not None:
        raise InvalidError(f"{draft.key!r} has two charges called {repeated[:60]!r}", plan=draft.key)
    for position, document in enumerate(draft.charges):
        if not 0 < len(keys[position]) <= MAX_CHARGE_KEY:
            raise InvalidError(f"a charge's key has 1 to {MAX_CHARGE_KEY} characters", plan=draft.key, charge=position)
        use = read_charge(document)
        if use is None:
            continue
        if use.key not in meters:
            raise InvalidError(
                f"charge {position} of {draft.key!r} counts the meter {use.key!r}, which does not exist; create it first",
                plan=draft.key,
                meter=use.key,
            )
        use.check(meters[use.key])


def _check_terms(draft: Draft, terms: PlanTerms, read_charge: ChargeReader, meters: Mapping[str, Meter]) -> None:
    if terms.billing is Billing.ONCE and draft.kind is not PlanKind.ADDON:
        raise TermsError("a plan renews; only an add-on is bought once", field="billing")
    if draft.currency in terms.prices:
        raise TermsError(f"the prices in {draft.currency} are the charges themselves", field=f"prices.{draft.currency}")
    check_meters(terms.rate_limits, meters)
    offered = _shape(draft.charges, read_charge)
    for currency, charges in terms.prices.items():
        path = f"terms.prices.{currency}"
        _check_listed(path, charges, read_charge, meters)
        if _shape(charges, read_charge) != offered:
            raise TermsError(
                f"the {currency} prices have the same charges as the {draft.currency} ones: key, meter and model",
                field=path,
                wanted=sorted(offered),
            )
    for place, phase in enumerate(terms.phases):
        _check_listed(f"terms.phases.{place}.charges", phase.charges or (), read_charge, meters)
        if phase.charges is not None and terms.prices:
            raise TermsError(
                "a phase of a plan in several currencies takes a percent off; its charges name no currency",
                field=f"phases.{place}.charges",
            )


def _check_listed(
    path: str, charges: Sequence[Mapping[str, Any]], read: ChargeReader, meters: Mapping[str, Meter]
) -> None:
    keys = [str(document.get("key")) for document in charges]
    for place, document in enumerate(charges):
        where = f"{path}.{place}"
        try:
            use = read(document)
            if use is not None and use.key in meters:
                use.check(meters[use.key])
        except InvalidError as error:
            raise TermsError(
                error.detail, **{**error.facts, "field": f"{where}.{error.facts.get('field', '')}"}
            ) from None
        if keys.count(keys[place]) > 1 or len(keys[place]) > MAX_CHARGE_KEY:
            raise TermsError(f"charge keys are unique, of at most {MAX_CHARGE_KEY} characters", field=f"{where}.key")
        if use is not None and use.key not in meters:
            raise TermsError(
                f"the meter {use.key!r} does not exist; create it first", field=f"{where}.meter", meter=use.key
            )


def _shape(charges: Sequence[Mapping[str, Any]], read: ChargeReader) -> set[tuple[str, str, str]]:
    """What price lists of one plan share: key, meter and model of each charge."""
    found = set()
    for each in charges:
        use = read(each)
        found.add((str(each["key"]), "" if use is None else use.key, str(each["price"]["model"])))
    return found


def _grants(draft: Draft, kinds: Mapping[str, FeatureKind]) -> tuple[Granted, ...]:
    """The rights of a draft, each of its feature's kind."""
    found = []
    for grant in draft.grants:
        kind = kinds.get(grant.feature)
        if kind is None:
            raise InvalidError(
                f"{draft.key!r} grants {grant.feature!r}, which is not a feature; create it first",
                plan=draft.key,
                feature=grant.feature,
            )
        found.append(Granted(grant.feature, fitting(kind, grant.value, grant.feature)))
    return tuple(found)


def fitting(kind: FeatureKind, value: Value, feature: str) -> Value:
    """The value as one of a feature's kind; any JSON is one of a configuration. Raises InvalidError.

    >>> fitting(FeatureKind.CONFIG, 5, "theme")
    Setting(text='5')
    """
    if kind is FeatureKind.CONFIG:
        return value if isinstance(value, Setting) else setting(value)
    if isinstance(value, Setting) or isinstance(value, bool) is not (kind is FeatureKind.BOOLEAN):
        wanted = "true or false" if kind is FeatureKind.BOOLEAN else "a whole number, or null for no limit"
        raise InvalidError(f"{feature!r} is a {kind.value} feature; grant it {wanted}", feature=feature)
    if isinstance(value, int) and not 0 <= value <= MOST_UNITS:
        raise InvalidError(f"a limit is a whole number from 0 to {MOST_UNITS}, or null for none", feature=feature)
    return value
