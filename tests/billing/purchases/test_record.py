"""Recording purchases: a line is stored once by its key, customers and products appear with their lines."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.catalog.item import Product
from billing.catalog.products.store import ProductStore
from billing.customers.store import CustomerStore
from billing.kernel.money import Money
from billing.purchases.record import Batch, RecordReport, record_batch, record_history
from billing.purchases.store import PurchaseStore
from tests.shop import START, Shop, open_shop
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.session import Database

DAY = timedelta(days=1)
COLUMNS = "line_key customer item description basket at quantity unit_price amount_minor currency country".split()


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop that has sold nothing."""
    return open_shop(database, customers=("ann",))


def _line(
    key: str, *, customer: str = "ann", item: str = "mug", at: datetime = START, **changed: Any
) -> dict[str, Any]:
    price = Decimal(changed.pop("price", "8.00"))
    plain = {
        "line_key": key,
        "customer": customer,
        "item": item,
        "description": item.title(),
        "basket": f"order {key}",
        "at": at,
        "quantity": 2,
        "unit_price": price,
        "amount_minor": int(price * 200),
        "currency": "EUR",
        "country": "DE",
    }
    return {**plain, **changed}


def _batch(*lines: dict[str, Any]) -> Batch:
    return {name: [line[name] for line in lines] for name in COLUMNS}


def _record(shop: Shop, *lines: dict[str, Any], received_at: datetime | None = None) -> int:
    with shop.database.unit(shop.scope) as unit:
        return record_batch(unit, _batch(*lines), received_at=received_at)


def _lines(shop: Shop) -> list[tuple[Any, ...]]:
    with shop.database.view(shop.scope) as unit:
        return list(PurchaseStore(unit).lines_before(START + 99 * DAY))


def _product(shop: Shop, key: str = "mug") -> Product:
    with shop.database.view(shop.scope) as unit:
        return ProductStore(unit).all()[key]


def test_recording_twice_stores_once(shop: Shop) -> None:
    """The second time every line is known, and nothing about it changes."""
    lines = [_line("1"), _line("2", customer="bob", item="pot", at=START + DAY)]
    assert _record(shop, *lines) == 2
    before = _lines(shop)

    assert _record(shop, *lines) == 0
    assert _record(shop, *(replace_line(line, quantity=99) for line in lines), _line("3")) == 1

    assert [line for line in _lines(shop) if line[-1] != "3"] == before


def replace_line(line: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A line with other values."""
    return {**line, **changed}


def test_a_line_is_stored_as_it_came(shop: Shop) -> None:
    """History counts as known when it happened, what is reported live when it arrived."""
    _record(shop, _line("1", at=START))
    _record(shop, _line("2", at=START), received_at=START + DAY)

    ids = {line[0] for line in _lines(shop)}
    assert len(ids) == 1
    assert [line[1:] for line in _lines(shop)] == [
        ("mug", "order 1", START, START, 2, 1600, "1"),
        ("mug", "order 2", START, START + DAY, 2, 1600, "2"),
    ]


def test_customers_appear_with_their_first_line(shop: Shop) -> None:
    """Known ones stay as they are; a country is taken where the line tells one."""
    _record(
        shop,
        _line("1"),
        _line("2", customer="bob", at=START - DAY, country="FR"),
        _line("3", customer="cleo", country=None),
    )

    with shop.database.view(shop.scope) as unit:
        found = {customer.key: customer for customer in CustomerStore(unit).page(limit=9).items}
    assert {key: customer.country for key, customer in found.items()} == {"ann": "", "bob": "FR", "cleo": ""}
    assert found["bob"].created_at == START - DAY


def test_a_product_follows_its_latest_price(shop: Shop) -> None:
    """Within a batch in any order, and from batch to batch; it is as old as its first sale."""
    _record(
        shop,
        _line("1", price="8.00"),
        _line("3", price="9.50", at=START + 2 * DAY),
        _line("2", price="9.00", at=START + DAY),
    )
    assert _product(shop).price == Money.of("9.50", "EUR")

    _record(shop, _line("4", price="10.00", at=START + 3 * DAY), _line("5", item="pot"))

    assert _product(shop) == Product(
        key="mug",
        name="Mug",
        category="",
        price=Money.of("10.00", "EUR"),
        cost=None,
        buyable=True,
        added_at=START,
    )


def test_an_older_history_that_comes_later_changes_no_price(shop: Shop) -> None:
    """Files may be imported in any order: the price is that of the last sale, the age that of the first."""
    _record(shop, _line("2", price="9.00", at=START))

    _record(shop, _line("1", price="5.00", at=START - 30 * DAY))

    found = _product(shop)
    assert (found.price, found.added_at) == (Money.of("9.00", "EUR"), START - 30 * DAY)


def test_a_product_that_was_entered_by_hand_is_not_overwritten(shop: Shop) -> None:
    """What the business says of its own product goes before what a purchase shows."""
    manual = Product(
        key="mug",
        name="House mug",
        category="cups",
        price=Money.of("12.00", "EUR"),
        cost=Money.of("4.00", "EUR"),
        buyable=True,
        added_at=START,
    )
    with shop.database.unit(shop.scope) as unit:
        ProductStore(unit).put([manual])

    _record(shop, _line("1", price="1.00", at=START + DAY))

    assert _product(shop) == manual


def test_a_history_is_recorded_batch_by_batch(shop: Shop) -> None:
    """The report counts new and known lines; progress hears of every line; running it again finishes what was begun."""
    batches = [_batch(_line("1"), _line("2")), _batch(_line("2"), _line("3"), _line("4"))]
    told: list[int] = []
    record_history(shop.database, shop.scope, batches[:1])

    report = record_history(shop.database, shop.scope, batches, progress=told.append)

    assert report == RecordReport(stored=2, known=3)
    assert told == [2, 3]
    assert sorted(line[-1] for line in _lines(shop)) == ["1", "2", "3", "4"]


def test_an_empty_batch_is_nothing(shop: Shop) -> None:
    """No line, no customer."""
    assert _record(shop) == 0


def test_lines_of_two_tenants_do_not_meet(shop: Shop) -> None:
    """The same line key is new for another tenant, and makes its own customer."""
    other = open_shop(shop.database, "Leaf Lane", customers=())
    _record(shop, _line("1"))

    assert _record(other, _line("1", price="1.00")) == 1
    assert _product(shop).price == Money.of("8.00", "EUR")
    assert len(_lines(shop)) == 1


def test_threads_that_record_the_same_lines_store_each_once(shop: Shop) -> None:
    """In opposite order too: nobody waits for ever, and the lines that they say are new are as many as there are."""
    lines = [_line(str(number), at=START + number * DAY / 100) for number in range(400)]
    _record(shop, lines[0])

    answers = together(4, lambda number: _record(shop, *(lines if number % 2 else lines[::-1])))

    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert len(_lines(shop)) == len(lines)
    assert sum(answer for answer in answers if isinstance(answer, int)) == len(lines) - 1


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(keys=st.lists(st.sampled_from("abcdefgh"), max_size=6), cut=st.integers(0, 6))
def test_it_does_not_matter_how_lines_are_batched(shop: Shop, keys: list[str], cut: int) -> None:
    """What is new is counted once whether lines come together or apart, or one twice in a batch."""
    before = {line[-1] for line in _lines(shop)}

    stored = [_record(shop, *(_line(key) for key in part)) for part in (keys[:cut], keys[cut:], keys)]

    assert sum(stored) == len(set(keys) - before)
    assert stored[-1] == 0
    assert {line[-1] for line in _lines(shop)} == before | set(keys)
