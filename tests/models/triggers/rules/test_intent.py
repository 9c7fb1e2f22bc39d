"""What events say about intents."""

from __future__ import annotations

from features.signals.settings import Intent, SignalSettings
from models.triggers.rules.intent import IntentShown
from tests.models.triggers.known import facts, happening

TRIGGER = IntentShown()


def test_only_types_that_were_given_a_meaning_fire() -> None:
    """A delivery is no intent; looking at prices is."""
    (fired,) = TRIGGER.fires(facts(happenings=(happening("delivery"), happening("pricing_page_viewed", plan="pro"))))

    assert (fired.subject, fired.strength) == ("pro", 0.6)
    assert fired.evidence == {"intent": "pricing", "event": "pricing_page_viewed"}


def test_a_business_gives_its_own_events_a_meaning() -> None:
    """By type, with a name and a strength of its own."""
    settings = SignalSettings(intents={"seats_opened": Intent("invite", 90)})

    (fired,) = TRIGGER.fires(facts(settings=settings, happenings=(happening("seats_opened"), happening("invite_sent"))))

    assert (fired.evidence["intent"], fired.strength) == ("invite", 0.9)


def test_a_page_that_is_loaded_again_the_same_day_says_nothing_new() -> None:
    """One once-key a day and subject."""
    views = (
        happening("pricing_page_viewed"),
        happening("pricing_page_viewed", 0.1),
        happening("pricing_page_viewed", 1),
    )

    assert len({fired.once_key for fired in TRIGGER.fires(facts(happenings=views))}) == 2


def test_what_was_learned_of_too_late_says_nothing() -> None:
    """A week after it happened."""
    assert not list(TRIGGER.fires(facts(happenings=(happening("invite_sent", 7.0),))))
    assert list(TRIGGER.fires(facts(happenings=(happening("invite_sent", 6.9),))))


def test_a_subject_is_a_key_and_nothing_else() -> None:
    """Numbers, and texts that no key is as long as, are none."""
    for data in ({"feature": 7}, {"feature": "x" * 101}, {"feature": ""}):
        (fired,) = TRIGGER.fires(facts(happenings=(happening("export_requested", **data),)))
        assert fired.subject is None
