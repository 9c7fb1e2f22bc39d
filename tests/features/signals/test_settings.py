"""Settings of signals as documents."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.signals.settings import Intent, SignalSettings, SignalSettingsError, document_of, settings_from

_WORDS = st.text("abcdefgé ", min_size=1, max_size=12).filter(lambda text: text.strip() == text)


@given(
    intents=st.dictionaries(_WORDS, st.builds(Intent, _WORDS, st.integers(1, 100)), max_size=4),
    synonyms=st.dictionaries(_WORDS, st.lists(_WORDS, max_size=3, unique=True).map(tuple), max_size=4),
    days=st.lists(st.integers(1, 90), unique=True, max_size=4).map(lambda each: tuple(sorted(each, reverse=True))),
    denials=st.integers(1, 1000),
)
def test_what_is_set_reads_back(intents: Any, synonyms: Any, days: Any, denials: int) -> None:
    """Through its document."""
    chosen = SignalSettings(intents=intents, synonyms=synonyms, trial_days_left=days, denials=denials)

    assert settings_from(document_of(chosen)) == chosen


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"colour": 1}, "colour"),
        ({"denials": 0}, "denials"),
        ({"denials": True}, "denials"),
        ({"denial_days": 31}, "denial_days"),
        ({"intents": {"a": {"name": "b", "percent": 101}}}, "intents"),
        ({"intents": {"a": {"nom": "b"}}}, "intents"),
        ({"intents": {f"t{n}": {"name": "x"} for n in range(51)}}, "intents"),
        ({"synonyms": {"api": "Schnittstelle"}}, "synonyms"),
        ({"synonyms": {"api": ["x" * 101]}}, "synonyms"),
        ({"tells": ["a\0b"]}, "tells"),
        ({"churn_percent": 40, "churn_calm_percent": 40}, "churn_calm_percent"),
        ({"trial_days_left": 3}, "trial_days_left"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(document: dict[str, Any], field: str) -> None:
    """With the field that is wrong."""
    with pytest.raises(SignalSettingsError) as refused:
        settings_from(document)

    assert refused.value.facts["field"] == field
