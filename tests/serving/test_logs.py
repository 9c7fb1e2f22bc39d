"""No key survives in a log line, whatever it hides in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import structlog
from hypothesis import given
from hypothesis import strategies as st

from billing.tenants.keys import KeyKind, mint
from serving.logs import configure, redact

if TYPE_CHECKING:
    import pytest

KEYS = st.builds(
    lambda kind, tenant: mint(kind, f"ten_{tenant}").secret,
    st.sampled_from(KeyKind),
    st.sampled_from(("01ab", "01jbz0")),
) | st.builds(
    "upt_{}_{}_{}".format,
    st.sampled_from(("sk", "pk")),
    st.from_regex(r"[0-9a-hjkmnp-tv-z]{1,26}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{1,64}", fullmatch=True),
)


class Holder:
    """Something whose text holds a key, as an exception or a request does."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __repr__(self) -> str:
        return f"Holder({self.key!r})"


def _places(key: str) -> list[Any]:
    return [
        key,
        f"Authorization: Bearer {key}",
        f"{key}{key}, and once more: {key}!",
        {"headers": {"authorization": [f"Bearer {key}"]}},
        {key: 1},
        [("a", key), {key}],
        ValueError(f"bad key {key}"),
        Holder(key),
        key.encode(),
    ]


@given(KEYS, st.text(max_size=10))
def test_no_key_survives_wherever_it_hides(key: str, around: str) -> None:
    """In a sentence, a nested document, a name, an exception, bytes or any object that is written by its repr."""
    for place in _places(key):
        cleaned = redact(None, "", {"event": "seen", "value": place, around or "x": f"{around}{key}"})
        line = json.dumps(cleaned, default=repr)

        assert key not in line
        assert key.rsplit("_", 1)[1] not in line.replace(around, "") or len(key.rsplit("_", 1)[1]) < 8


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_everything_else_is_left_as_it_is(value: Any) -> None:
    """Numbers stay numbers, and a text without a key is the same text."""
    assert redact(None, "", {"event": "seen", "value": value}) == {"event": "seen", "value": value}


def test_which_kind_of_key_it_was_is_still_told() -> None:
    """So that a leaked secret key can be told from a harmless one."""
    cleaned = redact(None, "", {"event": "got upt_pk_01ab_00ff and upt_sk_01ab_00ff"})

    assert cleaned == {"event": "got upt_pk_*** and upt_sk_***"}


def test_a_written_line_holds_no_key_even_in_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """The whole chain, as the server sets it up: one JSON object a line on standard error."""
    key = mint(KeyKind.SECRET, "ten_01ab").secret
    try:
        configure()
        log = structlog.get_logger("test")
        try:
            _fail_with(key)
        except ValueError as error:
            log.exception("it failed", error=error, headers={"authorization": f"Bearer {key}"})
        line = capsys.readouterr().err
    finally:
        structlog.reset_defaults()

    assert key not in line
    document = json.loads(line)
    assert (document["event"], document["level"]) == ("it failed", "error")
    assert "ValueError: cannot use upt_sk_***" in document["exception"]
    assert document["headers"] == {"authorization": "Bearer upt_sk_***"}


def _fail_with(key: str) -> None:
    raise ValueError(f"cannot use {key}")
