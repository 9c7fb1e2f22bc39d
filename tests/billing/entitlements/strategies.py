"""Grants, rights and features as Hypothesis makes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from billing.entitlements.grant import Grant
from billing.kernel.cadence import Cadence

NOW = datetime(2026, 1, 31, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)

limits = st.integers(0, 1000) | st.none()


def grant(
    value: bool | int | None,  # noqa: FBT001 (a right's value)
    *,
    name: str = "gra_1",
    feature: str = "deliveries",
    source: str = "plus",
    starts: int = -1,
    ends: int | None = None,
) -> Grant:
    """A grant that starts and ends some hours from now."""
    return Grant(
        id=name,
        customer_id="cus_1",
        feature=feature,
        value=value,
        source_kind="plan",
        source_key=source,
        subscription_id="sub_1",
        cadence=Cadence(NOW),
        starts_at=NOW + starts * HOUR,
        ends_at=None if ends is None else NOW + ends * HOUR,
    )


@st.composite
def grants(draw: st.DrawFn, values: st.SearchStrategy[bool | int | None], *, max_size: int = 6) -> list[Grant]:
    """Grants of one feature; some have not started, some have ended."""
    return [
        grant(
            draw(values),
            name=f"gra_{number}",
            source=draw(st.sampled_from(["starter", "plus", "box"])),
            starts=(starts := draw(st.integers(-3, 2))),
            ends=draw(st.none() | st.integers(starts + 1, 4)),
        )
        for number in range(draw(st.integers(0, max_size)))
    ]
