"""Purses: every balance is a fold of its movements, the floor holds, and it does not matter when a job comes by."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.balance import balances
from billing.wallets.grant import GrantKind
from billing.wallets.keep import postings
from billing.wallets.movement import MovementKind, folded
from billing.wallets.purse import Moved, Purse, added, advanced, returned, spent
from tests.billing.wallets.strategies import DAY, START, Act, a_grant, a_purse, acts, eur, told

END = START + 200 * DAY
PURSES = st.builds(
    a_purse,
    st.sampled_from([0, 0, -150]),
    recurring=st.sampled_from([0, 100]),
    least=st.sampled_from([0, 20]),
    most=st.sampled_from([0, 50, 500]),
)


@given(PURSES, acts)
def test_what_is_stored_is_the_fold_of_the_movements(purse: Purse, doings: list[Act]) -> None:
    """Grant by grant and for the overdraft; every fact has a key of its own."""
    story = told(purse, doings)
    sums = folded(story.movements)

    assert {grant.id: grant.remaining.amount_minor for grant in story.purse.grants} == {
        grant.id: sums.get(grant.id, 0) for grant in story.purse.grants
    }
    assert -story.purse.overdrawn.amount_minor == sums.get(None, 0)
    assert [key for key, count in Counter(m.key for m in story.movements).items() if count > 1] == []


@given(PURSES, acts)
def test_a_purse_never_goes_below_its_floor(purse: Purse, doings: list[Act]) -> None:
    """Neither at the end nor when everything that ends has ended; and an overdraft is never negative."""
    story = told(purse, doings)

    for state in (story.purse, advanced(story.purse, END).purse):
        assert eur(0) <= state.overdrawn <= -state.floor
        assert state.balance(END) >= state.floor


@given(PURSES, acts, st.lists(st.integers(0, 100), max_size=6))
def test_it_does_not_matter_when_a_job_comes_by(purse: Purse, doings: list[Act], visits: list[int]) -> None:
    """Resets, ends and repayments are dated by when they fell due: visits in between change no grant and no date."""

    def facts(days: list[int]) -> object:
        story = told(purse, doings, visits=days)
        done = advanced(story.purse, END)
        happened = sorted(
            (m.at, m.kind.value, str(m.grant_id), m.amount.amount_minor)
            for m in (*story.movements, *done.movements)
            if m.kind is not MovementKind.RETURNED and not str(m.grant_id).endswith("_back")
        )
        rest = sorted((g.place[:4], g.amount.amount_minor, g.remaining.amount_minor) for g in done.purse.grants)
        return happened, rest, done.purse.overdrawn

    assert facts(visits) == facts([])


@given(PURSES, acts)
def test_the_books_hold_what_the_purse_holds(purse: Purse, doings: list[Act]) -> None:
    """Account WALLET is the purse with everything in it, and the books balance."""
    story = told(purse, doings)
    books = balances(postings("cus_1", Moved(story.purse, tuple(story.movements)), Account.CASH))

    assert books.natural(Account.WALLET, "EUR") == story.purse.held
    assert books.net("EUR") == eur(0)


@given(acts)
def test_catching_up_twice_changes_nothing(doings: list[Act]) -> None:
    """The second time there is nothing left to do."""
    once = advanced(told(a_purse(-150, recurring=100, most=50), doings).purse, END)

    assert advanced(once.purse, END) == Moved(once.purse)


def test_an_overdraft_is_repaid_by_what_comes_next() -> None:
    """Three euros spent of two leave one owed; a grant of five then has four left."""
    moved = added(Moved(a_purse(-100)), a_grant("first", 200), START)
    moved = spent(moved, eur(300), START, "inv")
    assert (moved.purse.overdrawn, moved.purse.balance(START)) == (eur(100), eur(-100))

    moved = added(moved, a_grant("second", 500), START + DAY)

    assert (moved.purse.overdrawn, moved.purse.grant("second").remaining) == (eur(0), eur(400))


def test_an_overdraft_is_repaid_when_a_grant_begins() -> None:
    """Dated by the grant's start, and before its end takes the rest; what comes later may be overdrawn again."""
    later = a_grant("later", 300, starts_at=START + 5 * DAY, expires_at=START + 8 * DAY)
    owed = spent(added(Moved(a_purse(-100)), later, START), eur(100), START, "inv")
    assert owed.purse.overdrawn == eur(100)

    after = advanced(owed.purse, START + 20 * DAY)

    assert [(m.kind, m.amount, m.at) for m in after.movements] == [
        (MovementKind.REPAID, eur(-100), START + 5 * DAY),
        (MovementKind.REPAID, eur(100), START + 5 * DAY),
        (MovementKind.EXPIRED, eur(-200), START + 8 * DAY),
    ]
    assert after.purse.held == eur(0)


def test_spending_stops_at_the_floor() -> None:
    """Of ten euros asked for, two are granted and one may be owed."""
    moved = spent(added(Moved(a_purse(-100)), a_grant("g", 200), START), eur(1000), START, "inv")

    assert moved.purse.held == eur(-100)
    assert moved.purse.room(START) == eur(0)


def test_a_recurring_grant_keeps_between_its_least_and_its_most() -> None:
    """Of 90 left 50 go over beside the new 100; of 0 left 20 are given; the rest ends with its period."""
    purse = advanced(a_purse(recurring=100, least=20, most=50), START).purse
    second = START.replace(month=2, day=28)
    after = advanced(spent(Moved(purse), eur(10), START, "a").purse, second).purse
    assert {(g.kind, g.remaining) for g in after.grants if g.remaining.amount_minor} == {
        (GrantKind.ROLLOVER, eur(50)),
        (GrantKind.PROMOTIONAL, eur(100)),
    }

    third = START.replace(month=3)
    emptied = spent(Moved(after), eur(150), second, "b").purse

    assert advanced(emptied, third).purse.balance(third) == eur(120)


def test_what_is_returned_has_the_time_it_had_left() -> None:
    """Spent ten days before its end and returned a year later, a grant ends ten days after that."""
    year = START + 365 * DAY
    bought = added(Moved(a_purse()), a_grant("g", 500, expires_at=START + 30 * DAY), START)
    used = spent(bought, eur(500), START + 20 * DAY, "inv")
    burned = [m for m in used.movements if m.kind is MovementKind.BURNED]

    back = returned(advanced(used.purse, year), burned, year)

    (grant,) = [g for g in back.purse.grants if g.remaining.amount_minor]
    assert (grant.kind, grant.remaining, grant.expires_at) == (GrantKind.PAID, eur(500), year + 10 * DAY)


def test_an_overdraft_that_was_repaid_comes_back_as_money() -> None:
    """One euro was owed for an invoice and repaid since; when it is voided the customer has it as their own."""
    owed = spent(Moved(a_purse(-100)), eur(100), START, "inv")
    repaid = added(owed, a_grant("g", 300), START)
    burned = [m for m in owed.movements if m.kind is MovementKind.BURNED]

    back = returned(repaid, burned, START)

    assert back.purse.balance(START) == Money(300, "EUR")
    assert back.purse.overdrawn == eur(0)
