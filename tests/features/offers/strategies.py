"""Generates offer policies, from the usual to the very edge of what may be set."""

from __future__ import annotations

from datetime import time, timedelta

from hypothesis import strategies as st

from features.offers.policy import Cap, Caps, OfferPolicy, QuietHours

NAMES = st.text(st.characters(min_codepoint=1, codec="utf-8"), min_size=1, max_size=20)
CAPS = st.none() | st.builds(
    Cap, most=st.integers(0, 5), window=st.integers(1, 24 * 366).map(lambda hours: timedelta(hours=hours))
)
MINUTES = st.integers(0, 24 * 60 - 1).map(lambda minute: time(minute // 60, minute % 60))


def policies() -> st.SearchStrategy[OfferPolicy]:
    """Any policy that may be kept."""
    return st.builds(
        OfferPolicy,
        caps=st.builds(Caps, person=CAPS, customer=CAPS, offer=CAPS, placement=CAPS, tenant=CAPS),
        quiet=st.none() | st.builds(QuietHours, start=MINUTES, end=MINUTES),
        first_days=st.integers(0, 365),
        killed=st.frozensets(NAMES, max_size=3),
        consent=st.just("") | NAMES,
        buyers=st.frozensets(NAMES, max_size=2),
        holdout_per_ten_thousand=st.none() | st.integers(0, 10_000),
        holdout_salt=NAMES,
        annoyance_minor=st.integers(0, 10**9),
        margin_bps=st.integers(0, 10_000),
        explore=st.floats(0, 1),
        limit_thresholds=st.sets(st.integers(1, 100), min_size=1, max_size=10).map(lambda found: tuple(sorted(found))),
        save_coupons=st.lists(NAMES, max_size=2, unique=True).map(tuple),
        save_pause_days=st.integers(0, 365),
        save_smaller=st.booleans(),
    )
