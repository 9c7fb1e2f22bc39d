"""The files of a simulated shop: the same bytes from the same seed, and each readable by what imports it."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from billing.metering.event import read_event
from billing.purchases.cleaning import clean
from billing.purchases.reading import read_purchases
from training.simulate.files import write
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from pathlib import Path

    from training.simulate.shop import SimulatedShop

SPEC = ShopSpec(customers=60, days=120, seed=5)


@pytest.fixture(scope="module")
def shop() -> SimulatedShop:
    """A small shop."""
    return simulate(SPEC)


@pytest.fixture(scope="module")
def folder(shop: SimulatedShop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its files."""
    path = tmp_path_factory.mktemp("simulated") / "shop"
    write(shop, path)
    return path


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(folder: Path, tmp_path: Path) -> None:
    """Made anew and written elsewhere, every file is equal."""
    again = write(simulate(SPEC), tmp_path / "again")
    other = write(simulate(ShopSpec(customers=60, days=120, seed=6)), tmp_path / "other")

    assert sorted(path.name for path in again) == sorted(path.name for path in folder.iterdir())
    assert all(path.read_bytes() == (folder / path.name).read_bytes() for path in again)
    assert all(path.read_bytes() != (folder / path.name).read_bytes() for path in other)


def test_the_purchase_file_is_read_without_a_loss(shop: SimulatedShop, folder: Path) -> None:
    """Every line is kept, and its amount is the simulated one."""
    result = clean(read_purchases(folder / "purchases.csv"), currency=SPEC.currency)

    assert result.report.skipped == {}
    assert result.report.kept == len(shop.purchases.item)
    assert result.lines.table.column("amount_minor").to_pylist() == shop.purchases.amount_minor.tolist()
    assert result.lines.table.column("customer").to_pylist() == [
        shop.customers.key[place] for place in shop.purchases.customer.tolist()
    ]


@pytest.mark.parametrize("currency", ["JPY", "KWD"])
def test_amounts_survive_in_currencies_of_other_digits(tmp_path: Path, currency: str) -> None:
    """Yen have no digits after the point, dinars three."""
    shop = simulate(ShopSpec(customers=5, days=60, seed=1, currency=currency))
    write(shop, tmp_path)

    table = clean(read_purchases(tmp_path / "purchases.csv"), currency=currency).lines.table

    assert table.column("amount_minor").to_pylist() == shop.purchases.amount_minor.tolist()


def test_every_usage_line_is_an_event_that_intake_takes(shop: SimulatedShop, folder: Path) -> None:
    """The file can be sent to the API as it is; ids are unique within their source."""
    lines = (folder / "usage.jsonl").read_text(encoding="utf-8").splitlines()

    events = [read_event(json.loads(line), received_at=datetime(2030, 1, 1, tzinfo=UTC)) for line in lines]

    assert len({(event.source, event.id) for event in events}) == len(shop.usage.at_us)
    assert {event.type for event in events} == {"deliveries", "visits"}
    assert {event.data["quantity"] for event in events} == {1}


def test_every_table_names_only_what_the_others_know(shop: SimulatedShop, folder: Path) -> None:
    """Customers, items, plans and kinds refer to each other by key."""
    customers = {row["customer"] for row in _rows(folder / "customers.csv")}
    items = {row["item"] for row in _rows(folder / "products.csv")}
    subscriptions, offers = _rows(folder / "subscriptions.csv"), _rows(folder / "offers.csv")

    assert len(customers) == SPEC.customers
    assert {row["item"] for row in _rows(folder / "purchases.csv")} <= items
    assert {row["customer"] for row in subscriptions} == customers
    assert {row["plan"] for row in subscriptions} <= {"starter", "plus", "pro", "tasting_box"}
    assert {row["kind"] for row in subscriptions} <= {"started", "changed", "cancelled"}
    assert [row["treated"] for row in offers] == ["1" if treated else "0" for treated in shop.offers.treated]


def test_the_truth_is_written_for_every_customer(shop: SimulatedShop, folder: Path) -> None:
    """Segment, hazard, sensitivity, uplift and taste of each, and the pairs."""
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))

    assert truth["spec"]["seed"] == SPEC.seed
    assert [row["customer"] for row in truth["customers"]] == list(shop.customers.key)
    assert {row["segment"] for row in truth["customers"]} == {"regular", "explorer", "bargain_hunter", "sampler"}
    assert [row["uplift"] for row in truth["customers"]] == pytest.approx(shop.truth.uplift.tolist(), abs=1e-6)
    assert len(truth["pairs"]) == len(shop.pairs.anchor)
