"""Many threads at one wallet on every engine: never overspent, each fact once, one top-up asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.money import Money
from billing.wallets.fund import Life, grant
from billing.wallets.open import Terms, open_wallet
from billing.wallets.routine import check, expire
from billing.wallets.spend import balances, burn_for, give_back
from billing.wallets.topups.request import confirm_top_up, due_top_ups
from billing.wallets.wallet import TopUpRule
from tests.billing.wallets.strategies import DAY, eur
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

THREADS = 8


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop in which Ann has ten euros in two grants."""
    shop = open_shop(database)
    with shop.database.unit(shop.scope) as unit:
        grant(unit, "ann", eur(300), paid=False, key="gift", now=START, life=Life(expires_at=START + DAY))
        grant(unit, "ann", eur(700), paid=True, key="order", now=START)
    return shop


def _ann(shop: Shop) -> str:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get("ann").id


def _balance(shop: Shop) -> Money:
    with shop.database.view(shop.scope) as unit:
        assert check(unit) == []
        ann = CustomerStore(unit).get("ann").id
        return balances(unit, [ann], "EUR", START)[ann]


def test_many_burns_never_overspend_a_wallet(shop: Shop) -> None:
    """Eight invoices of three euros: ten euros are paid in all, by whoever comes first."""
    ann = _ann(shop)

    def pay(number: int) -> Money:
        with shop.database.unit(shop.scope) as unit:
            return burn_for(unit, ann, f"inv_{number}", eur(300), START)

    paid = together(THREADS, pay)

    assert [each for each in paid if isinstance(each, Exception)] == []
    assert sorted(each.amount_minor for each in paid if isinstance(each, Money)) == [0, 0, 0, 0, 100, 300, 300, 300]
    assert _balance(shop) == eur(0)


def test_one_invoice_asked_for_at_once_is_paid_once(shop: Shop) -> None:
    """Everybody is told the same, and it is returned once."""
    ann = _ann(shop)

    def pay(_: int) -> Money:
        with shop.database.unit(shop.scope) as unit:
            return burn_for(unit, ann, "inv_1", eur(400), START)

    def undo(_: int) -> Money | None:
        with shop.database.unit(shop.scope) as unit:
            return give_back(unit, "inv_1", START)

    assert together(THREADS, pay) == [eur(400)] * THREADS
    assert _balance(shop) == eur(600)
    assert together(THREADS, undo) == [eur(400)] * THREADS
    assert _balance(shop) == eur(1000)


def test_the_same_grant_asked_for_at_once_is_made_once(shop: Shop) -> None:
    """One grant, whichever thread makes it."""

    def give(_: int) -> str:
        with shop.database.unit(shop.scope) as unit:
            return grant(unit, "ann", eur(100), paid=True, key="again", now=START).id

    assert len(set(map(str, together(THREADS, give)))) == 1
    assert _balance(shop) == eur(1100)


def test_jobs_side_by_side_end_a_grant_once(shop: Shop) -> None:
    """Expiry, burns and returns at once leave the wallet in step with its history and the books."""
    ann = _ann(shop)

    def act(number: int) -> object:
        with shop.database.unit(shop.scope) as unit:
            if number % 2:
                return expire(unit, START + 2 * DAY)
            return burn_for(unit, ann, f"inv_{number}", eur(50), START + 2 * DAY)

    answers = together(THREADS, act)

    assert [each for each in answers if isinstance(each, Exception)] == []
    assert sum(answer for answer in answers if isinstance(answer, int)) <= 1
    assert _balance(shop) == eur(500)


def test_a_top_up_is_asked_for_once_and_counts_once(shop: Shop) -> None:
    """Eight jobs ask for one top-up; eight confirmations put its money in once."""
    with shop.database.unit(shop.scope) as unit:
        rule = TopUpRule(threshold=eur(2000), target=eur(3000), most=5)
        open_wallet(unit, "bob", "EUR", now=START, terms=Terms(top_up=rule))

    def ask(_: int) -> list[str]:
        with shop.database.unit(shop.scope) as unit:
            return [top_up.id for top_up in due_top_ups(unit, START)]

    asked = together(THREADS, ask)
    assert [each for each in asked if isinstance(each, Exception)] == []
    (name,) = [one for each in asked if isinstance(each, list) for one in each]

    def confirm(_: int) -> str:
        with shop.database.unit(shop.scope) as unit:
            return confirm_top_up(unit, name, START).state.value

    assert together(THREADS, confirm) == ["paid"] * THREADS
    with shop.database.view(shop.scope) as unit:
        bob = CustomerStore(unit).get("bob").id
        assert balances(unit, [bob], "EUR", START)[bob] == eur(3000)
        assert check(unit) == []
