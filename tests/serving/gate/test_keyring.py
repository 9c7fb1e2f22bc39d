"""A key that is kept proves what the database says, and one that was revoked proves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.db.session import BusyError, Database
from billing.tenants.create import open_tenant
from billing.tenants.keys import BadKeyError
from billing.tenants.store import TenantStore
from billing.tenants.tenant import Mode
from serving.gate.gate import NoLink
from serving.gate.keyring import AGE_NS, KEPT_WHILE_AWAY_NS, SHORT_NS, KeyRing
from tests.serving.gate.test_gate import Machine
from tests.shop import START, open_shop

if TYPE_CHECKING:
    from billing.tenants.create import Opened


class Live:
    """A link that works."""

    def is_live(self) -> bool:
        """Always."""
        return True


@pytest.fixture
def opened(database: Database) -> Opened:
    """A live tenant: its clock is the world's."""
    return open_tenant(database, name="Leaf Lane", currency="EUR", zone="UTC", mode=Mode.LIVE, now=START, origins=[])


@pytest.fixture
def machine() -> Machine:
    """The clock by which keys age."""
    return Machine()


def _ring(database: Database, machine: Machine, link: object) -> KeyRing:
    made = KeyRing(database, machine, link)  # type: ignore[arg-type] # (either kind of link)
    database.listen(made.forget)
    return made


def test_a_key_is_kept_for_its_time(database: Database, machine: Machine, opened: Opened) -> None:
    """A second without a link, five with a live one; then it is read anew."""
    for link, age in ((NoLink(), SHORT_NS), (Live(), AGE_NS)):
        ring = _ring(database, machine, link)
        assert ring.held(opened.secret_key) is None
        principal = ring.principal(opened.secret_key)
        machine.ns += age - 1
        assert ring.principal(opened.secret_key) is principal
        machine.ns += 1
        assert ring.held(opened.secret_key) is None
        assert ring.principal(opened.secret_key) == principal


def test_a_revoked_key_is_refused_at_once(database: Database, machine: Machine, opened: Opened) -> None:
    """In the process that revoked it; what is wrong is never kept."""
    ring = _ring(database, machine, Live())
    principal = ring.principal(opened.secret_key)
    with pytest.raises(BadKeyError):
        ring.principal(opened.secret_key[:-1] + ("0" if opened.secret_key[-1] != "0" else "1"))

    with database.unit(principal.scope) as unit:
        assert TenantStore(unit).revoke_key(principal.key.id, START)

    with pytest.raises(BadKeyError):
        ring.principal(opened.secret_key)
    assert ring.held(opened.secret_key) is None


def test_a_key_that_was_good_stays_good_while_the_database_is_away(
    database: Database, machine: Machine, opened: Opened
) -> None:
    """For a quarter of an hour, and never one that was not seen, or has changed."""
    ring = _ring(Database(f"sqlite:///{opened.tenant.id}/nowhere.db"), machine, Live())
    with pytest.raises(BusyError):
        ring.principal(opened.secret_key)
    ring._database = database
    principal = ring.principal(opened.secret_key)
    ring._database = Database(f"sqlite:///{opened.tenant.id}/nowhere.db")
    machine.ns += AGE_NS

    assert ring.principal(opened.secret_key) is principal
    machine.ns += KEPT_WHILE_AWAY_NS
    with pytest.raises(BusyError):
        ring.principal(opened.secret_key)
    machine.ns -= KEPT_WHILE_AWAY_NS
    ring.forget(opened.tenant.id, None)
    with pytest.raises(BusyError):
        ring.principal(opened.secret_key)


def test_a_standing_clock_is_never_stale(database: Database, machine: Machine) -> None:
    """A test tenant is kept only where messages come, and its moved clock is seen at once."""
    shop = open_shop(database)
    key = shop.opened.secret_key
    alone, linked = _ring(database, machine, NoLink()), _ring(database, machine, Live())
    alone.principal(key)
    assert alone.held(key) is None
    assert linked.principal(key) is linked.principal(key)
    later = START.replace(day=31, hour=23)

    with database.unit(shop.scope) as unit:
        TenantStore(unit).set_clock(shop.opened.tenant.id, later)

    for ring in (alone, linked):
        assert ring.principal(key).tenant.frozen_at == later
    linked.forget_everything()
    assert linked.held(key) is None
