"""Automatic top-ups: asked for once when they are due, never more than the rule allows, and money that arrives counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.store import CustomerStore
from billing.wallets.fund import grant
from billing.wallets.open import Terms, open_wallet, set_top_up
from billing.wallets.routine import check
from billing.wallets.spend import balances, burn_for
from billing.wallets.topups.request import confirm_top_up, due_top_ups, fail_top_up
from billing.wallets.topups.store import TopUpStore
from billing.wallets.topups.top_up import TopUp, TopUpNotFoundError, TopUpState, TopUpStateError, wanted
from billing.wallets.wallet import TopUpRule, Wallet, WalletError
from tests.billing.wallets.strategies import DAY, eur
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Database, Unit

RULE = TopUpRule(threshold=eur(500), amount=eur(2000), most=2)
WALLET = Wallet(id="wal_1", customer_id="cus_1", currency="EUR", floor=eur(0), zone="UTC", opened_at=START, top_up=RULE)


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop in which Ann's wallet tops itself up."""
    shop = open_shop(database)
    with shop.database.unit(shop.scope) as unit:
        open_wallet(unit, "ann", "EUR", now=START, terms=Terms(top_up=RULE))
        grant(unit, "ann", eur(1000), paid=True, key="order", now=START)
    return shop


@pytest.fixture
def unit(shop: Shop) -> Iterator[Unit]:
    """A transaction in the shop, after which the wallet must be in step."""
    with shop.database.unit(shop.scope) as found:
        yield found
    with shop.database.view(shop.scope) as found:
        assert check(found) == []


def _burn(unit: Unit, minor: int, invoice: str = "inv_1") -> str:
    ann = CustomerStore(unit).get("ann").id
    burn_for(unit, ann, invoice, eur(minor), START)
    return ann


def _top_up(number: int, **changes: object) -> TopUp:
    plain = TopUp(
        id=f"wtu_{number}",
        wallet_id="wal_1",
        number=number,
        amount=eur(2000),
        state=TopUpState.PAID,
        requested_at=START,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@given(st.lists(st.integers(0, 3000), max_size=40), st.integers(1, 4))
def test_a_month_never_sees_more_than_its_number(balances_seen: list[int], most: int) -> None:
    """Whatever the balances of forty days, each calendar month has at most `most` top-ups."""
    wallet = replace(WALLET, top_up=replace(RULE, most=most))
    asked: list[TopUp] = []
    for day, minor in enumerate(balances_seen):
        at = START + day * DAY
        amount = wanted(wallet, eur(minor), asked, at)
        assert (amount is None) or minor < 500
        if amount is not None:
            asked.append(_top_up(len(asked) + 1, requested_at=at, amount=amount))

    months = [top_up.requested_at.month for top_up in asked]
    assert all(months.count(month) <= most for month in months)


def test_a_target_is_filled_up_to() -> None:
    """Three euros left and a target of twenty: seventeen; from below zero too."""
    rule = TopUpRule(threshold=eur(500), target=eur(2000), most=1)

    assert [rule.wanted(eur(minor)) for minor in (300, -100, 500)] == [eur(1700), eur(2100), None]


def test_one_that_is_under_way_or_just_failed_holds_the_next_back() -> None:
    """An open one for ever, a failed one for a day."""
    open_one = _top_up(1, state=TopUpState.REQUESTED)
    failed = _top_up(1, state=TopUpState.FAILED, settled_at=START)

    assert wanted(WALLET, eur(0), [open_one], START + timedelta(days=90)) is None
    assert wanted(WALLET, eur(0), [failed], START + DAY - timedelta(seconds=1)) is None
    assert wanted(WALLET, eur(0), [failed], START + DAY) == eur(2000)


@pytest.mark.parametrize(
    "changes",
    [{"amount": None}, {"target": eur(900)}, {"amount": None, "target": eur(500)}, {"most": 0}, {"amount": eur(0)}],
)
def test_a_rule_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    """Neither or both of amount and target, a target that is not above the threshold, none a month, nothing at all."""
    with pytest.raises(WalletError):
        replace(RULE, **changes)  # type: ignore[arg-type]


def test_it_is_asked_for_at_the_threshold_and_once(unit: Unit) -> None:
    """Nothing at ten euros, one request at four, none beside it; once paid the wallet has it."""
    assert due_top_ups(unit, START) == []
    ann = _burn(unit, 600)

    (asked,) = due_top_ups(unit, START)
    assert (asked.amount, asked.state, due_top_ups(unit, START + DAY)) == (eur(2000), TopUpState.REQUESTED, [])
    for _ in range(2):
        assert confirm_top_up(unit, asked.id, START + DAY).state is TopUpState.PAID

    assert balances(unit, [ann], "EUR", START + DAY) == {ann: eur(2400)}
    with pytest.raises(TopUpStateError):
        fail_top_up(unit, asked.id, START + DAY)


def test_a_failed_one_is_asked_for_again_a_day_later_and_counts_when_paid_after_all(unit: Unit) -> None:
    """Two in one month of the calendar is what the rule allows, failed ones included."""
    ann = _burn(unit, 1000)
    (first,) = due_top_ups(unit, START - 10 * DAY)
    for _ in range(2):
        assert fail_top_up(unit, first.id, START - 10 * DAY, code="declined").code == "declined"
    assert due_top_ups(unit, START - 10 * DAY + timedelta(hours=1)) == []
    (second,) = due_top_ups(unit, START - 9 * DAY)
    fail_top_up(unit, second.id, START - 9 * DAY)
    assert due_top_ups(unit, START - 5 * DAY) == []

    confirm_top_up(unit, first.id, START)

    assert balances(unit, [ann], "EUR", START)[ann] == eur(2000)
    assert [each.number for each in TopUpStore(unit).page(first.wallet_id, limit=5).items] == [2, 1]


def test_without_a_rule_nothing_is_asked_for(unit: Unit) -> None:
    """A rule that is taken away asks no more; a top-up that is not there is said so."""
    _burn(unit, 1000)
    set_top_up(unit, open_wallet(unit, "ann", "EUR", now=START).id, None)

    assert due_top_ups(unit, START) == []
    with pytest.raises(TopUpNotFoundError):
        confirm_top_up(unit, "wtu_none", START)
