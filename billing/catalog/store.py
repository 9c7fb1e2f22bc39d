"""The queries over plans, meters and features. Products have a store of their own, since they come in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from billing.catalog.feature_terms import parse_feature_terms
from billing.catalog.item import (
    Aggregation,
    Feature,
    FeatureKind,
    FeatureNotFoundError,
    Meter,
    MeterNotFoundError,
)
from billing.catalog.plan import Granted, PlanKind, PlanNotFoundError, PlanVersion
from billing.catalog.setting import Setting, restored, stored
from billing.catalog.tables import FeatureRow, MeterRow, PlanRow, PlanVersionRow
from billing.catalog.terms import parse_terms
from billing.db.changes import changed
from billing.kernel.ids import new_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from billing.db.session import Unit

_VERSIONS = "uptier.plan_versions"


class CatalogStore:
    """Reads and writes what a tenant sells by plan."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def add_version(self, version: PlanVersion) -> None:
        """A further version of a plan, making the plan itself at its first."""
        plan = self._session.scalar(select(PlanRow).where(PlanRow.key == version.plan_key))
        if plan is None:
            plan = PlanRow(id=new_id("pln"), key=version.plan_key, kind=version.kind.value)
            self._session.add(plan)
        self._session.flush()
        self._session.add(
            PlanVersionRow(
                id=version.id,
                plan_id=plan.id,
                number=version.number,
                name=version.plan_name,
                rank=version.rank,
                requires=list(version.requires),
                currency=version.currency,
                interval=version.interval,
                interval_count=version.interval_count,
                charges=[dict(charge) for charge in version.charges],
                grants=[{"feature": grant.feature} | stored(grant.value) for grant in version.grants],
                terms=version.terms.to_document(),
                published_at=version.published_at,
            )
        )
        self._session.flush()
        changed(self._session)

    def versions(self, plan_key: str | None = None) -> list[PlanVersion]:
        """Every version of one plan, or of all, oldest first."""
        query = select(PlanRow, PlanVersionRow).join(PlanVersionRow, PlanVersionRow.plan_id == PlanRow.id)
        if plan_key is not None:
            query = query.where(PlanRow.key == plan_key)
        rows = self._session.execute(query.order_by(PlanRow.key, PlanVersionRow.number))
        return [_version(plan, version) for plan, version in rows]

    def current(self) -> dict[str, PlanVersion]:
        """The newest version of every plan and add-on, by plan key, in order of rank."""
        newest = {version.plan_key: version for version in self.versions()}
        return dict(sorted(newest.items(), key=lambda pair: (pair[1].rank, pair[0])))

    def watched_versions(self) -> list[str]:
        """Ids of the versions whose terms name thresholds or alerts."""
        return [version.id for version in self.versions() if version.terms.thresholds or version.terms.alerts]

    def latest(self, plan_key: str) -> PlanVersion:
        """The newest version of a plan; an error that names it when there is none."""
        versions = self.versions(plan_key)
        if not versions:
            raise PlanNotFoundError(f"there is no plan or add-on {plan_key[:60]!r}", plan=plan_key[:200])
        return versions[-1]

    def by_ids(self, ids: Iterable[str]) -> dict[str, PlanVersion]:
        """Versions by id: what subscriptions have pinned. A version never changes, so each is read once a unit of work."""
        known: dict[str, PlanVersion] = self._session.info.setdefault(_VERSIONS, {})
        wanted = set(ids)
        if not wanted <= known.keys():
            query = (
                select(PlanRow, PlanVersionRow)
                .join(PlanVersionRow, PlanVersionRow.plan_id == PlanRow.id)
                .where(PlanVersionRow.id.in_(sorted(wanted)))
            )
            known.update((version.id, _version(plan, version)) for plan, version in self._session.execute(query))
        return {version_id: known[version_id] for version_id in sorted(wanted) if version_id in known}

    def put_meter(self, meter: Meter) -> None:
        """Add a meter or replace the one of its key."""
        row = self._session.scalar(select(MeterRow).where(MeterRow.key == meter.key))
        if row is None:
            row = MeterRow(key=meter.key)
            self._session.add(row)
        row.name, row.event_type = meter.name, meter.event_type
        row.aggregation, row.prop = meter.aggregation.value, meter.prop
        row.filters = {name: list(values) for name, values in meter.filters.items()}
        row.groups, row.operation = list(meter.groups), meter.operation
        self._session.flush()
        changed(self._session)

    def meters(self) -> dict[str, Meter]:
        """All meters by key."""
        return {row.key: _meter(row) for row in self._session.scalars(select(MeterRow).order_by(MeterRow.key))}

    def meter(self, key: str) -> Meter:
        """One meter; an error that names it when there is none."""
        row = self._session.scalar(select(MeterRow).where(MeterRow.key == key))
        if row is None:
            raise MeterNotFoundError(f"there is no meter {key[:60]!r}", meter=key[:200])
        return _meter(row)

    def put_feature(self, feature: Feature) -> None:
        """Add a feature or replace the one of its key."""
        row = self._session.scalar(select(FeatureRow).where(FeatureRow.key == feature.key))
        if row is None:
            row = FeatureRow(key=feature.key)
            self._session.add(row)
        row.name, row.kind, row.meter_key = feature.name, feature.kind.value, feature.meter_key
        row.terms = feature.terms.to_document()
        row.default_setting = None if feature.default is None else feature.default.text
        self._session.flush()
        changed(self._session)

    def features(self) -> dict[str, Feature]:
        """All features by key."""
        return {row.key: _feature(row) for row in self._session.scalars(select(FeatureRow).order_by(FeatureRow.key))}

    def features_of(self, keys: Iterable[str]) -> dict[str, Feature]:
        """The features of these keys, by key; those that are not there are left out."""
        rows = self._session.scalars(select(FeatureRow).where(FeatureRow.key.in_(sorted(set(keys)))))
        return {row.key: _feature(row) for row in rows}

    def feature(self, key: str) -> Feature:
        """One feature; an error that names it when there is none."""
        row = self._session.scalar(select(FeatureRow).where(FeatureRow.key == key))
        if row is None:
            raise FeatureNotFoundError(f"there is no feature {key[:60]!r}", feature=key[:200])
        return _feature(row)


def _version(plan: PlanRow, version: PlanVersionRow) -> PlanVersion:
    return PlanVersion(
        id=version.id,
        plan_key=plan.key,
        plan_name=version.name,
        kind=PlanKind(plan.kind),
        rank=version.rank,
        number=version.number,
        currency=version.currency,
        interval=version.interval,
        interval_count=version.interval_count,
        charges=tuple(version.charges),
        grants=tuple(Granted(grant["feature"], restored(grant)) for grant in version.grants),
        requires=tuple(version.requires),
        published_at=version.published_at,
        terms=parse_terms(version.terms),
    )


def _meter(row: MeterRow) -> Meter:
    return Meter(
        key=row.key,
        name=row.name,
        event_type=row.event_type,
        aggregation=Aggregation(row.aggregation),
        prop=row.prop,
        filters={name: tuple(values) for name, values in row.filters.items()},
        groups=tuple(row.groups),
        operation=row.operation,
    )


def _feature(row: FeatureRow) -> Feature:
    return Feature(
        key=row.key,
        name=row.name,
        kind=FeatureKind(row.kind),
        meter_key=row.meter_key,
        terms=parse_feature_terms(row.terms),
        default=None if row.default_setting is None else Setting(row.default_setting),
    )
