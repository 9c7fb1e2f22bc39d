"""Who may be contacted: consent and address decide for everybody alike, and everybody is counted once."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from billing.customers.customer import Customer
from features.segments.export import ANALYTICS, EMAIL, select_for

NOW = datetime(2026, 3, 1, tzinfo=UTC)
PURPOSES = ("marketing", "research", ANALYTICS)
CHANNELS = (EMAIL, "ads", "file")


@st.composite
def members(draw: st.DrawFn) -> list[Customer]:
    """Customers with any consents and addresses, in any order, keys all different."""
    keys = draw(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8),
            unique=True,
            max_size=12,
        )
    )
    return [
        Customer(
            id=f"cus_{number}",
            key=key,
            created_at=NOW,
            email=draw(st.sampled_from(("", "a@example.com"))),
            consents=tuple(draw(st.sets(st.sampled_from(("marketing", "research", "no_profiling"))))),
        )
        for number, key in enumerate(keys)
    ]


@given(members(), st.sampled_from(PURPOSES) | st.text(), st.sampled_from(CHANNELS) | st.text())
def test_nobody_goes_out_for_a_purpose_they_did_not_agree_to(found: list[Customer], purpose: str, channel: str) -> None:
    """Analytics alone, which contacts nobody, asks for no consent; a purpose nobody ever heard of has nobody's."""
    selection = select_for(found, purpose=purpose, channel=channel)

    assert all(purpose == ANALYTICS or purpose in customer.consents for customer in selection.included)


@given(members(), st.sampled_from(PURPOSES))
def test_nobody_without_an_address_is_sent_mail(found: list[Customer], purpose: str) -> None:
    """By mail one needs an address; other channels do not ask for it."""
    mailed = select_for(found, purpose=purpose, channel=EMAIL)
    filed = select_for(found, purpose=purpose, channel="file")

    assert all(customer.email for customer in mailed.included)
    assert set(mailed.included) == {customer for customer in filed.included if customer.email}


@given(members(), st.sampled_from(PURPOSES), st.sampled_from(CHANNELS))
def test_the_counts_add_up_to_everybody(found: list[Customer], purpose: str, channel: str) -> None:
    """Each member is in, or left out for exactly one reason: consent before address."""
    selection = select_for(found, purpose=purpose, channel=channel)
    unwilling = [one for one in found if purpose != ANALYTICS and purpose not in one.consents]

    assert len(selection.included) + sum(selection.excluded.values()) == len(found)
    assert selection.excluded.get("no_consent", 0) == len(unwilling)
    assert set(selection.excluded) <= {"no_consent", "no_address"}
    assert all(count > 0 for count in selection.excluded.values())


@given(members(), st.sampled_from(PURPOSES), st.sampled_from(CHANNELS), st.randoms())
def test_the_selection_does_not_depend_on_the_order_of_members(
    found: list[Customer], purpose: str, channel: str, random: object
) -> None:
    """It comes in order of key."""
    selection = select_for(found, purpose=purpose, channel=channel)
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis gives a random.Random

    assert select_for(shuffled, purpose=purpose, channel=channel) == selection
    assert [one.key for one in selection.included] == sorted(one.key for one in selection.included)


@given(members(), st.sampled_from(CHANNELS))
def test_whoever_agrees_and_can_be_reached_is_in(found: list[Customer], channel: str) -> None:
    """Nobody is left out without a reason."""
    willing = {one for one in found if "marketing" in one.consents and (one.email or channel != EMAIL)}

    assert set(select_for(found, purpose="marketing", channel=channel).included) == willing
