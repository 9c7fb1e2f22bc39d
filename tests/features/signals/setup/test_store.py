"""A tenant's settings, its incident, and how far looks have come."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from features.signals.settings import Intent, SignalSettings
from features.signals.setup.store import SetupStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def test_who_sets_nothing_has_the_defaults_and_what_is_set_comes_back(shop: Shop) -> None:
    """Whole, and for this tenant alone."""
    chosen = SignalSettings(intents={"seen": Intent("pricing", 40)}, denials=5, synonyms={"api": ("Schnittstelle",)})
    other = open_shop(shop.database, "Leaf Lane")
    with shop.database.unit(shop.scope) as unit:
        assert SetupStore(unit).read(START) == (SignalSettings(), None)
        SetupStore(unit).write(chosen, START)
        assert SetupStore(unit).read(START) == (chosen, None)
    with shop.database.view(other.scope) as unit:
        assert SetupStore(unit).read(START)[0] == SignalSettings()


def test_an_incident_holds_until_its_end_and_settings_stay_as_they_are(shop: Shop) -> None:
    """The end excluded; one without an end lasts until it is ended."""
    with shop.database.unit(shop.scope) as unit:
        store = SetupStore(unit)
        store.write(SignalSettings(denials=9), START)
        store.begin_incident("checkout is down", START + DAY, START)
        found = [store.read(START + days * DAY)[1] for days in (0, 1)]
        assert [each is not None for each in found] == [True, False]

        store.begin_incident("again", None, START)
        assert store.read(START + 900 * DAY)[1] is not None
        store.end_incident(START)

        assert store.read(START) == (SignalSettings(denials=9), None)


def test_a_look_never_goes_back(shop: Shop) -> None:
    """A slower worker's earlier place does not undo a faster one's."""
    with shop.database.unit(shop.scope) as unit:
        store = SetupStore(unit)
        assert store.looked_until("events") is None
        for days in (1, 3, 2):
            store.look("events", START + days * DAY)

        assert store.looked_until("events") == START + 3 * DAY
