"""A risk with hysteresis."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from features.signals.settings import SignalSettings
from models.triggers.facts import ChurnLevel
from models.triggers.rules.churn_risk import ChurnRisk, is_calm
from tests.models.triggers.known import DAY, NOW, facts

TRIGGER = ChurnRisk()
SETTINGS = SignalSettings()


def _fires(risk: float, night: int = 0, *, armed: bool = True) -> bool:
    silent = frozenset() if armed else frozenset({("churn_risk", None)})
    return bool(list(TRIGGER.fires(facts(churn=ChurnLevel(risk=risk, as_of=NOW - night * DAY), silent=silent))))


def test_the_threshold_counts_as_a_risk_and_an_old_score_as_none() -> None:
    """60 % by default; a month later a score says nothing."""
    assert (_fires(0.599), _fires(0.6), _fires(0.9, night=30)) == (False, True, False)


@given(risks=st.lists(st.floats(0.46, 1.0), min_size=1, max_size=30))
def test_a_score_that_swings_above_the_calm_level_fires_once(risks: list[float]) -> None:
    """However often it crosses the threshold on its way."""
    armed, fired = True, 0
    for risk in risks:
        if _fires(risk, armed=armed):
            armed, fired = False, fired + 1
        armed = armed or is_calm(risk, SETTINGS)

    assert fired == int(max(risks) >= 0.6)


def test_after_a_calm_night_it_fires_again() -> None:
    """The calm level lies well below the threshold."""
    assert is_calm(0.449, SETTINGS)
    assert not is_calm(0.45, SETTINGS)
    assert _fires(0.7)
