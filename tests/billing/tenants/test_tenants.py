"""Tenants: a reseller has clients and these have none; everyone sees themselves and their clients, the platform the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.db.scope import PLATFORM_SCOPE, Scope
from billing.kernel.errors import UptierError
from billing.tenants.create import open_tenant
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode, Tenant, TenantDepthError, TenantNotFoundError

if TYPE_CHECKING:
    from billing.db.session import Database

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)


def _open(database: Database, name: str = "Bean Street", **options: Any) -> Tenant:
    choices: dict[str, Any] = {"currency": "EUR", "zone": "UTC", "mode": Mode.LIVE, "now": NOW, **options}
    return open_tenant(database, name=name, **choices).tenant


def _seen_by(database: Database, scope: Scope) -> list[Tenant]:
    with database.view(scope) as unit:
        return TenantStore(unit).all()


def test_a_tenant_comes_back_as_it_was_opened(database: Database) -> None:
    """With its currency, zone and mode; a live tenant's time is the world's."""
    tenant = _open(database, zone="Europe/Berlin")

    assert _seen_by(database, PLATFORM_SCOPE) == [tenant]
    assert (tenant.zone, tenant.mode, tenant.frozen_at, tenant.parent_id) == ("Europe/Berlin", Mode.LIVE, None, None)
    assert tenant.now(NOW + timedelta(days=1)) == NOW + timedelta(days=1)


def test_who_sees_whom(database: Database) -> None:
    """A reseller sees itself and its clients, a client itself alone, a stranger neither."""
    reseller, stranger = _open(database), _open(database, "Leaf Lane")
    client = _open(database, "Client", parent=Scope(reseller.id))

    assert client.parent_id == reseller.id
    assert _seen_by(database, PLATFORM_SCOPE) == [reseller, stranger, client]
    assert _seen_by(database, Scope(reseller.id)) == [reseller, client]
    assert _seen_by(database, Scope(client.id)) == [client]
    assert _seen_by(database, Scope(stranger.id)) == [stranger]
    with database.view(Scope(stranger.id)) as unit:
        assert TenantStore(unit).find(client.id) is None


def test_there_is_no_third_level(database: Database) -> None:
    """A client cannot have clients, and nothing is left of the attempt."""
    reseller = _open(database)
    client = _open(database, "Client", parent=Scope(reseller.id))

    with pytest.raises(TenantDepthError) as refused:
        _open(database, "Third", parent=Scope(client.id))

    assert refused.value.facts == {"tenant": client.id}
    assert len(_seen_by(database, PLATFORM_SCOPE)) == 2


def test_a_reseller_that_does_not_exist_has_no_clients(database: Database) -> None:
    """The error names what was asked for."""
    with pytest.raises(TenantNotFoundError):
        _open(database, parent=Scope("ten_nobody"))

    assert _seen_by(database, PLATFORM_SCOPE) == []


def test_a_test_tenants_clock_stands_until_it_is_moved(database: Database) -> None:
    """By itself or by its reseller; a stranger's order moves nothing."""
    reseller, stranger = _open(database), _open(database, "Leaf Lane")
    client = _open(database, "Client", mode=Mode.TEST, parent=Scope(reseller.id))
    later = NOW + timedelta(days=3)
    assert client.now(later) == NOW

    for scope in (Scope(stranger.id), Scope(reseller.id)):
        with database.unit(scope) as unit:
            TenantStore(unit).set_clock(client.id, later if scope.tenant_id == reseller.id else NOW.replace(year=2030))

    with database.view(Scope(client.id)) as unit:
        found = TenantStore(unit).find(client.id)
    assert found is not None
    assert found.now(NOW) == later


@pytest.mark.parametrize(
    "changed", [{"currency": "EURO"}, {"currency": "eur"}, {"zone": "Mars/Olympus"}, {"zone": ""}, {"name": "  "}]
)
def test_a_tenant_that_cannot_be_is_refused(sqlite_database: Database, changed: dict[str, Any]) -> None:
    """A currency that is none, a zone that is none, or no name; nothing is stored."""
    with pytest.raises(UptierError):
        _open(sqlite_database, **changed)

    assert _seen_by(sqlite_database, PLATFORM_SCOPE) == []
