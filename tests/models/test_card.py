"""The card of a model reads back as it was written."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from models.card import CardError, ModelCard
from tests.models.registry.contract import card


def test_a_card_reads_back_as_it_was_written() -> None:
    """Equal cards, equal texts, UTC moments."""
    written = card("ten_1", version="v0001", details={"silhouettes": {"3": 0.4}})

    assert ModelCard.from_json(written.to_json()) == written
    assert json.loads(written.to_json())["as_of"] == "2026-03-01T12:00:00+00:00"


def test_a_moment_without_a_time_zone_is_refused() -> None:
    """It could be any of forty moments."""
    with pytest.raises(CardError):
        card("ten_1", as_of=datetime(2026, 3, 1))  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"tenant": 1}'])
def test_what_is_no_card_is_named_so(text: str) -> None:
    """Not a crash in the reader."""
    with pytest.raises(CardError):
        ModelCard.from_json(text)


def test_an_unknown_field_is_an_error() -> None:
    """A reader must not lose what a writer said."""
    body = json.loads(card("ten_1").to_json()) | {"surprise": 1}

    with pytest.raises(CardError):
        ModelCard.from_json(json.dumps(body))
