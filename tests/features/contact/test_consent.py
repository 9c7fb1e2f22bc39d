"""The order of the reasons, and words that cannot be."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from features.contact.consent import REASONS, Contact, ContactError, Person, quiet_zones, reason_of
from features.offers.policy import QuietHours


def test_the_first_reason_is_told_in_a_fixed_order() -> None:
    """Each obstacle that is taken away uncovers the next."""
    contact = Contact(
        purpose="marketing", channel="email", quiet_zones=frozenset({"UTC"}), holdout_share=5_000, holdout_salt="s"
    )
    suppressed = [("email", "*", reason) for reason in ("unsubscribed", "complained", "bounced", "suppressed")]
    told = [reason_of(Person(consents=frozenset(), is_erased=True, bucket=1), contact)]
    told.append(reason_of(Person(consents=frozenset(), bucket=1), contact))
    agreed = frozenset({"marketing"})
    for start in range(len(suppressed) + 1):
        held = frozenset(suppressed[start:])
        told.append(reason_of(Person(consents=agreed, suppressions=held, bucket=1), contact))
    told.append(reason_of(Person(consents=agreed, email="a@b.example", bucket=1), contact))
    told.append(reason_of(Person(consents=agreed, email="a@b.example", bucket=5_000), contact))
    told.append(reason_of(Person(consents=agreed, email="a@b.example", zone="Asia/Tokyo"), contact))

    assert told == [*REASONS, None]


@pytest.mark.parametrize("word", ["", "*", "a b", "marketing\n", "ü", "x" * 61, "-a", "\0"])
def test_a_purpose_or_channel_that_cannot_be_is_refused(word: str) -> None:
    """They are short plain words, and `*` is nobody's."""
    with pytest.raises(ContactError, match="purpose has 1 to 60"):
        Contact(purpose=word, channel="email")
    with pytest.raises(ContactError, match="channel has 1 to 60"):
        Contact(purpose="marketing", channel=word)


def test_it_is_quiet_by_the_clock_of_each_zone() -> None:
    """At 21:30 UTC it is half past ten at night in Berlin and half past four in the afternoon in New York; no zone counts as UTC."""
    hours = QuietHours(start=time(22), end=time(8))
    now = datetime(2026, 1, 10, 21, 30, tzinfo=UTC)

    found = quiet_zones(["UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "no/where"], now, hours)

    assert found == {"Europe/Berlin", "Asia/Tokyo"}
    assert quiet_zones(["UTC"], now, None) == frozenset()
