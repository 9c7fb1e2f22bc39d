"""Every trigger has a sentence, and no sentence has a hole."""

from __future__ import annotations

from models.triggers.facts import Activity, ChurnLevel, Function, Standing, Words
from models.triggers.registry import TRIGGERS, fire
from serving.predict.plain_words import said_of
from tests.models.triggers.known import DAY, NOW, denied, facts, happening, level


def test_whatever_fires_can_be_said() -> None:
    """From the evidence that the trigger itself gave."""
    everything = [
        facts(
            limits=(level(100),),
            denials=(denied(4),),
            happenings=(happening("pricing_page_viewed", plan="pro"), happening("cancel_started")),
            words=(Words(text="the API!", said_in="feedback", at=NOW),),
            missing=(Function(kind="feature", key="api", words=("API",)),),
            churn=ChurnLevel(risk=0.7, as_of=NOW),
            standing=Standing(plan="pro", trial_ends_at=NOW + DAY),
        ),
        facts(activity=Activity(week=60, weeks_before=(20,) * 4, types=frozenset("a"), types_before=frozenset("a"))),
        facts(activity=Activity(week=20, weeks_before=(20,) * 4, types=frozenset("ab"), types_before=frozenset("a"))),
        facts(standing=Standing(plan="pro", renews_at=NOW + 3 * DAY, period_days=365)),
        facts(standing=Standing(plan="pro", ends_at=NOW + 3 * DAY)),
    ]
    fired = [each for known in everything for each in fire(known)]

    assert {each.trigger for each in fired} == {trigger.key for trigger in TRIGGERS}
    for each in fired:
        sentence = said_of(each.trigger, each.subject, each.evidence)
        assert sentence.endswith(".")
        assert "None" not in sentence
        assert "was raised" not in sentence, each.trigger


def test_a_trigger_of_a_later_version_is_said_plainly() -> None:
    """Rows outlive code."""
    assert said_of("new_moon", None, {}) == "The signal 'new_moon' was raised."
