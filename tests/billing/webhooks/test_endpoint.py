"""Which facts an endpoint hears, and which of its secrets sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.webhooks.endpoint import Endpoint, EndpointError, checked_events, matches

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,6}", fullmatch=True)
KINDS = st.lists(NAMES, min_size=1, max_size=4).map(".".join)


def endpoint(events: tuple[str, ...] = ("*",), *, generation: int = 1, until: datetime | None = None) -> Endpoint:
    """An endpoint that is enabled and idle."""
    return Endpoint(
        id="whe_1",
        url="https://shop.example/hooks",
        description="",
        events=events,
        disabled_for=None,
        disabled_at=None,
        generation=generation,
        previous_until=until,
        failing_since=None,
        last_position=0,
        lease=None,
        leased_until=None,
        created_at=NOW,
    )


@given(KINDS, KINDS)
def test_a_family_is_what_lies_below_its_name(family: str, kind: str) -> None:
    """`a.*` hears `a.b` and `a.b.c`, and neither `a` nor `ab.c`."""
    below = kind.split(".")[: len(family.split("."))] == family.split(".") and kind != family
    assert matches(f"{family}.*", kind) == below
    assert matches(family, kind) == (family == kind)
    assert matches("*", kind)


@given(KINDS)
def test_every_kind_and_family_is_a_pattern(kind: str) -> None:
    """And each is kept once."""
    assert checked_events([kind, f"{kind}.*", "*", kind]) == (kind, f"{kind}.*", "*")


@pytest.mark.parametrize(
    "events", [[], [""], ["invoice."], ["*.paid"], ["invoice.*.x"], ["Invoice.paid"], ["a b"], ["a\n"], ["*"] * 51]
)
def test_what_is_no_pattern_is_refused(events: list[str]) -> None:
    """With the pattern named."""
    with pytest.raises(EndpointError):
        checked_events(events)


def test_the_secret_before_signs_until_its_time_is_over() -> None:
    """The newest first; half-open; a second rotation leaves the first secret behind; no overlap ends it at once."""
    rotated = endpoint().rotated(NOW, timedelta(hours=24))
    assert rotated.generations(NOW) == (2, 1)
    assert rotated.generations(NOW + timedelta(hours=24)) == (2,)
    assert rotated.rotated(NOW, timedelta(hours=1)).generations(NOW) == (3, 2)
    assert rotated.rotated(NOW, timedelta()).generations(NOW) == (3,)
    for overlap in (timedelta(days=8), timedelta(seconds=-1)):
        with pytest.raises(EndpointError):
            endpoint().rotated(NOW, overlap)
