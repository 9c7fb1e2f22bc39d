"""What makes a usage event acceptable: whatever JSON is sent, the answer is an event or one readable reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.metering.event import (
    FUTURE_ALLOWANCE,
    MAX_DATA_KEYS,
    MAX_TEXT,
    BadEventError,
    UsageEvent,
    read_event,
    read_quickly,
)

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
GOOD: dict[str, Any] = {"id": "1", "type": "delivery", "customer": "ann"}

any_text = st.text(st.characters(exclude_categories=()) | st.sampled_from("\x00\ud800\udfff"), max_size=20)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), any_text)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3), max_leaves=8
)
fields = st.sampled_from(
    ["\ud800", "id", "source", "type", "subject", "customer", "time", "data", "specversion", "more"]
)
nearly = st.builds(lambda changed: {**GOOD, **changed}, st.dictionaries(fields, documents, max_size=3))


def _read(**changed: Any) -> UsageEvent:
    return read_event({**GOOD, **changed}, received_at=NOW)


def _outcome(document: object) -> UsageEvent | BadEventError:
    try:
        return read_event(document, received_at=NOW)
    except BadEventError as error:
        return error


def _is_storable(event: UsageEvent) -> bool:
    text = json.dumps(
        [event.id, event.source, event.type, event.customer, event.data], ensure_ascii=False, allow_nan=False
    )
    return "\\u0000" not in text and "\x00" not in text and bool(text.encode())


@given(documents | nearly)
def test_any_json_is_an_event_or_a_bad_event(document: object) -> None:
    """No other error leaves the border, what is accepted can be stored on every engine, and a refusal can be told in JSON."""
    found = _outcome(document)

    if isinstance(found, UsageEvent):
        assert _is_storable(found)
        assert found.at <= NOW + FUTURE_ALLOWANCE
    else:
        assert json.dumps([found.detail, found.facts], ensure_ascii=False).encode()


def test_a_plain_event_is_read_as_it_is() -> None:
    """CloudEvents' envelope is known; `subject` names the customer where `customer` does not."""
    event = read_event(
        {
            "specversion": "1.0",
            "id": "1",
            "source": "till",
            "type": "sale",
            "subject": "ann",
            "time": "2026-01-30T10:00:00.5+01:00",
            "data": {"gb": "1.5", "n": 3, "ok": True, "none": None},
        },
        received_at=NOW,
    )

    assert event == UsageEvent(
        id="1",
        source="till",
        type="sale",
        customer="ann",
        at=datetime(2026, 1, 30, 9, 0, 0, 500_000, tzinfo=UTC),
        data={"gb": "1.5", "n": 3, "ok": True, "none": None},
    )


def test_what_an_event_leaves_out_has_a_meaning() -> None:
    """Without a time it happened when it was received, without a source it came through the API, without data it is empty."""
    event = read_event(GOOD, received_at=NOW)

    assert (event.at, event.source, event.data) == (NOW, "api", {})


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"id": ""}, "'id'"),
        ({"id": 1}, "'id'"),
        ({"id": "x" * (MAX_TEXT + 1)}, "'id'"),
        ({"id": "a\x00b"}, "'id'"),
        ({"id": "\ud800"}, "'id'"),
        ({"source": None}, "'source'"),
        ({"type": ["a"]}, "'type'"),
        ({"customer": None}, "'customer'"),
        ({"time": 1}, "RFC 3339"),
        ({"time": "yesterday"}, "RFC 3339"),
        ({"time": "2026-01-30T10:00:00"}, "RFC 3339"),
        ({"time": "0001-01-01T00:00:00+14:00"}, "RFC 3339"),
        ({"time": "2026-01-31T09:05:01Z"}, "future"),
        ({"data": []}, "'data'"),
        ({"data": {"a": {"b": 1}}}, "'data.a'"),
        ({"data": {"a": [1]}}, "'data.a'"),
        ({"data": {"a": float("nan")}}, "'data.a'"),
        ({"data": {"a": float("inf")}}, "'data.a'"),
        ({"data": {"a": "x" * 1001}}, "'data.a'"),
        ({"data": {"a": "\udfff"}}, "'data.a'"),
        ({"data": {"": 1}}, "data key"),
        ({"data": {str(number): 1 for number in range(MAX_DATA_KEYS + 1)}}, "'data'"),
        ({"value": 1}, "'value'"),
    ],
)
def test_the_reason_names_the_field(changed: dict[str, Any], words: str) -> None:
    """So that the sender can mend it."""
    with pytest.raises(BadEventError, match=words):
        _read(**changed)


def test_a_clock_that_is_a_little_ahead_is_forgiven() -> None:
    """Five minutes and not a microsecond more."""
    edge = NOW + FUTURE_ALLOWANCE

    assert _read(time=edge.isoformat()).at == edge
    with pytest.raises(BadEventError):
        _read(time=(edge + timedelta(microseconds=1)).isoformat())


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_binary_fraction_is_stored(value: float) -> None:
    """A number with a point becomes its shortest decimal text, and means the same number."""
    stored = _read(data={"a": value}).data["a"]

    assert isinstance(stored, str)
    assert float(stored) == value


@given(st.integers())
def test_whole_numbers_keep_every_digit(value: int) -> None:
    """Those too long for a number of the engines become text."""
    stored = _read(data={"a": value}).data["a"]

    assert int(stored) == value
    assert isinstance(stored, str) or abs(stored) < 2**63


_texts = st.sampled_from(["a", "delivery", "", "x" * 201, "é", "a\x00b", "\ud800", 3, None])
_instants = st.sampled_from(
    [
        "2026-01-31T08:00:00Z",
        "2026-01-31T08:00:00.123456+00:00",
        "2026-01-31T09:00:00+01:00",
        "2026-01-31T08:00:00",
        "2031-01-31T08:00:00Z",
        "soon",
        None,
        5,
    ]
)
_data: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.sampled_from(["gb", "é", "x" * 201]),
    st.sampled_from([1, 10**18, -(10**18), True, None, "t", "", "x" * 1001, 1.5, [], "a\x00"]),
)


@given(
    st.fixed_dictionaries(
        {"id": _texts, "type": _texts, "customer": _texts},
        optional={"source": _texts, "subject": _texts, "time": _instants, "data": _data, "specversion": st.just("1.0")},
    )
    | st.dictionaries(st.sampled_from(["id", "type", "odd"]), _texts),
    st.booleans(),
)
def test_reading_quickly_is_reading(document: dict[str, Any], is_known: bool) -> None:  # noqa: FBT001 (a drawn value)
    """What the quick way answers is what the other answers; all that it cannot read, it leaves."""
    texts = {"a"} if is_known else set()
    found = read_quickly(document, received_at=NOW, texts=texts)
    if found is not None:
        assert found == read_event(document, received_at=NOW)


def test_usual_events_are_read_quickly() -> None:
    """The quick way is the one that is used."""
    assert read_quickly(GOOD, received_at=NOW, texts=set()) is not None
