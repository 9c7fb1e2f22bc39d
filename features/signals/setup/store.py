"""The queries over settings of signals, incidents, and how far looks have come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from billing.db.changes import changed
from billing.db.upsert import insert_new_silently
from features.signals.restraints.restraint import INCIDENT, HoldBack
from features.signals.settings import SignalSettings, document_of, settings_from
from features.signals.setup.tables import SignalLookRow, SignalSettingsRow

if TYPE_CHECKING:
    from datetime import datetime

    from billing.db.session import Unit

_DEFAULTS = SignalSettings()


class SetupStore:
    """Reads and writes one tenant's settings of signals."""

    def __init__(self, unit: Unit) -> None:
        self._session = unit.session

    def read(self, now: datetime) -> tuple[SignalSettings, HoldBack | None]:
        """What is set, and the incident that holds back offers from everybody now, in one query."""
        row = self._session.scalar(select(SignalSettingsRow))
        if row is None:
            return _DEFAULTS, None
        return settings_from(row.document), _incident(row, now)

    def write(self, settings: SignalSettings, now: datetime) -> None:
        """Set what is set from now on."""
        self._update(now, document=document_of(settings))

    def begin_incident(self, note: str, until: datetime | None, now: datetime) -> None:
        """Something is broken for everybody: no promotion till it is ended, or till `until`."""
        self._update(now, incident_since=now, incident_until=until, incident_note=note)

    def end_incident(self, now: datetime) -> None:
        """Nothing is broken any more."""
        self._update(now, incident_since=None, incident_until=None, incident_note="")

    def note(self) -> str:
        """What was said of the last incident."""
        return self._session.scalar(select(SignalSettingsRow.incident_note)) or ""

    def looked_until(self, name: str) -> datetime | None:
        """How far a look has come."""
        return self._session.scalar(select(SignalLookRow.until).where(SignalLookRow.name == name))

    def look(self, name: str, until: datetime) -> None:
        """A look has come so far; one that is further on stays."""
        insert_new_silently(self._session, SignalLookRow, [{"name": name, "until": until}])
        self._session.execute(
            update(SignalLookRow)
            .where(SignalLookRow.name == name, SignalLookRow.until < until)
            .values(until=until)
            .execution_options(synchronize_session=False)
        )
        self._session.expire_all()

    def _update(self, now: datetime, **values: object) -> None:
        blank: dict[str, object] = {
            "document": {},
            "incident_since": None,
            "incident_until": None,
            "incident_note": "",
            "changed_at": now,
        }
        insert_new_silently(self._session, SignalSettingsRow, [blank])
        self._session.execute(
            update(SignalSettingsRow).values(changed_at=now, **values).execution_options(synchronize_session=False)
        )
        self._session.expire_all()
        changed(self._session)


def _incident(row: SignalSettingsRow, now: datetime) -> HoldBack | None:
    if row.incident_since is None or (row.incident_until is not None and row.incident_until <= now):
        return None
    return HoldBack(kind=INCIDENT, since=row.incident_since, until=row.incident_until)
