"""Wallets in the database, on both engines: each fact once, and always in step with their history and the books."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from billing.customers.store import CustomerStore
from billing.db.tables import OutboxRow
from billing.kernel.cadence import Cadence
from billing.kernel.money import Money
from billing.ledger.account import Account
from billing.ledger.store import LedgerStore
from billing.wallets.fund import (
    Kept,
    Life,
    credits_of,
    grant,
    grant_to,
    start_recurring,
    stop_recurring,
    take_back,
)
from billing.wallets.grant import GrantError, GrantKind
from billing.wallets.open import Terms, open_wallet, set_rate
from billing.wallets.recurrence import Rollover
from billing.wallets.routine import check, expire, next_due
from billing.wallets.spend import balances, burn_for, give_back, lock_spendable
from billing.wallets.store import WalletStore
from billing.wallets.switch import switched
from billing.wallets.wallet import GrantExistsError, WalletError, WalletExistsError
from tests.billing.wallets.strategies import DAY, eur
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Database, Unit


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with two customers."""
    return open_shop(database)


@pytest.fixture
def unit(shop: Shop) -> Iterator[Unit]:
    """A transaction in the shop, after which every wallet must be in step."""
    with shop.database.unit(shop.scope) as found:
        yield found
    with shop.database.view(shop.scope) as found:
        assert check(found) == []


def _ann(unit: Unit) -> str:
    return CustomerStore(unit).get("ann").id


def _books(unit: Unit, account: Account) -> Money:
    return LedgerStore(unit).balances().natural(account, "EUR")


def test_a_wallet_is_opened_once(unit: Unit) -> None:
    """Asking again finds it; asking for another floor is a conflict that names it."""
    first = open_wallet(unit, "ann", "EUR", now=START)

    assert open_wallet(unit, "ann", "EUR", now=START + DAY) == first
    with pytest.raises(WalletExistsError) as refused:
        open_wallet(unit, "ann", "EUR", now=START, terms=Terms(floor=eur(-500)))
    assert refused.value.facts["wallet"] == first.id
    assert open_wallet(unit, "ann", "USD", now=START).id != first.id


def test_a_key_grants_once(unit: Unit) -> None:
    """The same fact again answers the same grant; the key for something else is refused."""
    made = grant(unit, "ann", eur(1000), paid=True, key="order-1", now=START)

    assert grant(unit, "ann", eur(1000), paid=True, key="order-1", now=START + DAY) == made
    with pytest.raises(GrantExistsError):
        grant(unit, "ann", eur(999), paid=True, key="order-1", now=START)
    assert balances(unit, [_ann(unit)], "EUR", START) == {_ann(unit): eur(1000)}
    assert (_books(unit, Account.CASH), _books(unit, Account.WALLET)) == (eur(1000), eur(1000))


def test_an_invoice_is_paid_once_and_given_back_once(unit: Unit) -> None:
    """Burning again tells what was paid; after it was given back, nothing, and nothing more comes back."""
    grant(unit, "ann", eur(300), paid=False, key="gift", now=START)
    grant(unit, "ann", eur(1000), paid=True, key="order", now=START, paid_by=Account.RECEIVABLE)
    ann = _ann(unit)

    assert [burn_for(unit, ann, "inv_1", eur(500), START) for _ in range(2)] == [eur(500), eur(500)]
    assert balances(unit, [ann], "EUR", START)[ann] == eur(800)
    assert _books(unit, Account.RECEIVABLE) == eur(500)

    assert [give_back(unit, "inv_1", START + DAY) for _ in range(2)] == [eur(500), eur(500)]
    assert burn_for(unit, ann, "inv_1", eur(500), START + DAY) == eur(0)
    assert balances(unit, [ann], "EUR", START + DAY)[ann] == eur(1300)
    assert give_back(unit, "inv_2", START) is None


def test_a_wallet_pays_no_more_than_it_has(unit: Unit) -> None:
    """Without a wallet nothing, with one what there is above the floor."""
    ann = _ann(unit)
    assert burn_for(unit, ann, "inv_0", eur(100), START) == eur(0)
    open_wallet(unit, "ann", "EUR", now=START, terms=Terms(floor=eur(-200)))
    grant(unit, "ann", eur(300), paid=True, key="order", now=START)

    assert burn_for(unit, ann, "inv_1", eur(1000), START) == eur(500)
    assert balances(unit, [ann], "EUR", START) == {ann: eur(-200)}
    assert lock_spendable(unit, [ann], "EUR", START) == {}


def test_what_ends_goes_where_it_came_from(unit: Unit) -> None:
    """The rest of a paid grant is earned; the rest of a gift was never spent; both dated by their end."""
    life = Life(expires_at=START + 10 * DAY)
    grant(unit, "ann", eur(300), paid=False, key="gift", now=START, life=life)
    grant(unit, "ann", eur(1000), paid=True, key="order", now=START, life=life)
    burn_for(unit, _ann(unit), "inv_1", eur(400), START)
    assert next_due(unit, START) == START + 10 * DAY
    assert expire(unit, START + 10 * DAY - timedelta(microseconds=1)) == 0

    assert [expire(unit, START + 40 * DAY) for _ in range(2)] == [1, 0]

    assert (_books(unit, Account.EXPIRED_CREDIT), _books(unit, Account.GOODWILL)) == (eur(900), eur(300))
    assert {t.at for t in LedgerStore(unit).transactions() if "expired" in t.key} == {START + 10 * DAY}


def test_a_recurring_grant_comes_every_month_with_what_is_kept(unit: Unit) -> None:
    """Monthly credits from the 31st: 5 of each month's rest go over, and none come after the end."""
    cadence = Cadence(START)
    rollover = Rollover(least=eur(0), most=eur(500))
    for _ in range(2):
        start_recurring(unit, "ann", eur(1000), cadence, key="plan", now=START, kept=Kept(rollover=rollover))
    ann = _ann(unit)
    second, third = cadence.boundary(1), cadence.boundary(2)

    assert balances(unit, [ann], "EUR", START)[ann] == eur(1000)
    assert burn_for(unit, ann, "inv_1", eur(1500), second) == eur(1500)  # caught up by the burn itself
    stop_recurring(unit, "plan", at=third)
    expire(unit, third + DAY)
    assert balances(unit, [ann], "EUR", third + DAY)[ann] == eur(0)


def test_a_rate_is_frozen_with_its_grant(unit: Unit) -> None:
    """Ten credits at two are twenty, whatever a credit is worth later."""
    wallet = open_wallet(unit, "ann", "EUR", now=START, terms=Terms(rate=Decimal(2)))
    made = grant_to(unit, wallet.id, credits_of(wallet, Decimal(10)), kind=GrantKind.PAID, key="pack", now=START)
    changed = set_rate(unit, wallet.id, Decimal("0.5"))

    assert made.amount == eur(2000)
    assert made.credits is not None
    assert made.credits.rate == Decimal(2)
    assert credits_of(changed, Decimal(10)).worth("EUR") == eur(500)
    found = WalletStore(unit).grant_by_key("pack")
    assert found is not None
    assert found[1] == made


def test_credits_of_a_plan_move_with_its_money(unit: Unit) -> None:
    """Up and down again at one instant leaves the wallet as it was."""
    grant(unit, "ann", eur(1000), paid=False, key="starter", now=START)
    up = switched(eur(1000), eur(3000), eur(0), Fraction(1, 2))
    grant(unit, "ann", up.change, paid=False, key="up", now=START)
    down = switched(eur(3000), eur(1000), up.used, Fraction(1, 2))

    for _ in range(2):
        assert take_back(unit, "up", -down.change, key="down", at=START) == eur(1000)

    assert balances(unit, [_ann(unit)], "EUR", START)[_ann(unit)] == eur(1000)


def test_what_was_paid_for_is_not_taken_back(unit: Unit) -> None:
    """That would be a refund, which moves money."""
    grant(unit, "ann", eur(1000), paid=True, key="order", now=START)

    with pytest.raises(GrantError):
        take_back(unit, "order", eur(1), key="oops", at=START)


def test_a_low_balance_is_told_once_until_it_was_refilled(shop: Shop) -> None:
    """At the edge, not at every burn below it; and again after a refill."""
    with shop.database.unit(shop.scope) as unit:
        open_wallet(unit, "ann", "EUR", now=START, terms=Terms(low_balance=eur(500)))
        ann = _ann(unit)
    told = []
    for number, step in enumerate([1000, -600, -100, 1000, -1000]):
        with shop.database.unit(shop.scope) as unit:
            if step > 0:
                grant(unit, "ann", eur(step), paid=True, key=f"g{number}", now=START)
            else:
                burn_for(unit, ann, f"inv_{number}", eur(-step), START)
        with shop.database.view(shop.scope) as unit:
            low = select(func.count()).select_from(OutboxRow).where(OutboxRow.kind == "wallet.low")
            told.append(unit.session.scalar(low))

    assert told == [0, 1, 1, 1, 2]


def test_balances_are_told_of_those_who_have_a_wallet(unit: Unit) -> None:
    """Bob has none, and Ann's dollars are not euros; what has not begun does not count."""
    grant(unit, "ann", eur(700), paid=True, key="a", now=START)
    grant(unit, "ann", eur(50), paid=True, key="b", now=START, life=Life(starts_at=START + DAY))
    grant(unit, "ann", Money(900, "USD"), paid=True, key="c", now=START)
    people = [CustomerStore(unit).get(name).id for name in ("ann", "bob")]

    assert balances(unit, people, "EUR", START) == {people[0]: eur(700)}
    assert lock_spendable(unit, people, "EUR", START + DAY) == {people[0]: eur(750)}


@pytest.mark.parametrize("terms", [{"floor": eur(1)}, {"low_balance": Money(1, "USD")}, {"rate": Decimal(0)}])
def test_a_wallet_that_cannot_be_is_refused(unit: Unit, terms: dict[str, object]) -> None:
    """A floor above zero, another currency, a credit worth nothing."""
    with pytest.raises(WalletError):
        open_wallet(unit, "ann", "EUR", now=START, terms=Terms(**terms))  # type: ignore[arg-type]


def test_a_refused_unit_leaves_no_trace(shop: Shop) -> None:
    """What a failing unit burned is there again."""
    with shop.database.unit(shop.scope) as unit:
        grant(unit, "ann", eur(1000), paid=True, key="order", now=START)
        ann = _ann(unit)
    with pytest.raises(KeyError), shop.database.unit(shop.scope) as unit:
        _burn_and_fail(unit, ann)
    with shop.database.view(shop.scope) as unit:
        assert balances(unit, [ann], "EUR", START)[ann] == eur(1000)
        assert check(unit) == []


def _burn_and_fail(unit: Unit, customer_id: str) -> None:
    assert burn_for(unit, customer_id, "inv_1", eur(400), START) == eur(400)
    raise KeyError
