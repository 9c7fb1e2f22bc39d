"""The triggers together."""

from __future__ import annotations

from models.triggers.registry import PERSONAL, TRIGGERS, fire
from tests.models.triggers.known import denied, facts, happening, level


def test_nothing_known_raises_nothing() -> None:
    """Empty facts are silence."""
    assert fire(facts()) == []


def test_names_are_different_and_those_that_watch_behaviour_exist() -> None:
    """A name is how a rule finds its signals."""
    keys = [trigger.key for trigger in TRIGGERS]

    assert len(set(keys)) == len(keys)
    assert set(keys) > PERSONAL


def test_what_fires_is_one_a_once_key_in_the_order_of_the_registry() -> None:
    """Two views of the prices on a day are one, and walls come first."""
    seen = facts(
        limits=(level(100),),
        denials=(denied(4),),
        happenings=(happening("pricing_page_viewed"), happening("pricing_page_viewed", 0.1)),
    )

    assert [fired.trigger for fired in fire(seen)] == ["limit_share"] * 3 + ["denied_access", "intent"]
