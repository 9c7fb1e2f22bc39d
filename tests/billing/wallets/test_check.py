"""The live check finds what does not hold: a stored rest, the books, the floor; and history cannot be rewritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update
from sqlalchemy.exc import ProgrammingError

from billing.customers.store import CustomerStore
from billing.ledger.store import LedgerStore
from billing.ledger.templates.wallets import wallet_given
from billing.wallets.fund import grant
from billing.wallets.routine import check
from billing.wallets.tables import WalletGrantRow, WalletMovementRow, WalletRow
from tests.billing.wallets.strategies import eur
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database


def _shop(database: Database) -> Shop:
    """A shop in which Ann has ten euros, and nothing is wrong."""
    shop = open_shop(database)
    with shop.database.unit(shop.scope) as unit:
        grant(unit, "ann", eur(1000), paid=True, key="order", now=START)
        assert check(unit) == []
    return shop


def test_a_rest_that_its_movements_do_not_make_is_found(database: Database) -> None:
    """Both by its history and by the books."""
    shop = _shop(database)
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(WalletGrantRow).values(remaining_minor=999))

        found = check(unit)

    assert len(found) == 2
    assert "stands at 999, its movements say 1000" in found[0]
    assert "holds 999 EUR in the wallet, the books say 1000" in found[1]


def test_books_that_no_wallet_explains_are_found(database: Database) -> None:
    """A posting that moved no wallet."""
    shop = _shop(database)
    with shop.database.unit(shop.scope) as unit:
        bob = CustomerStore(unit).get("bob").id
        LedgerStore(unit).append(wallet_given("stray", at=START, customer=bob, amount=eur(5)))

        assert check(unit) == [f"customer {bob} holds 0 EUR in the wallet, the books say 5"]


def test_a_wallet_below_its_floor_is_found(database: Database) -> None:
    """However it got there."""
    shop = _shop(database)
    with shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(WalletRow).values(overdrawn_minor=1))

        assert check(unit)[0].endswith("is below its floor")


@pytest.mark.servers
def test_history_cannot_be_rewritten(postgres_database: Database) -> None:
    """The application's role may add movements and change none."""
    shop = _shop(postgres_database)

    with pytest.raises(ProgrammingError, match="permission denied"), shop.database.unit(shop.scope) as unit:
        unit.session.execute(update(WalletMovementRow).values(amount_minor=1))
