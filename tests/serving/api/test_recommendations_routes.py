"""Recommendations over HTTP before and after a model is there: never an error, never what is owned or not for sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from billing.catalog.products.store import ProductStore
from billing.purchases.record import record_history
from features.sources import microseconds
from models.recommender.fit import FitConfig, fit_recommender
from models.recommender.interactions import Interactions
from models.registry.folder import FolderRegistry
from tests.models.registry.contract import card
from tests.shop import START

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.api.conftest import Server


def _lines() -> dict[str, list[Any]]:
    """Ann and twenty others buy tea and cups together; coffee and filters go together for others."""
    rows = []
    for number in range(20):
        pair = ("tea", "cup") if number % 2 else ("coffee", "filter")
        rows += [(f"u{number}", item, f"b{number}", START - timedelta(days=number + 1)) for item in pair]
    rows.append(("ann", "tea", "a1", START - timedelta(days=2)))
    rows.append(("bob", "kettle", "a2", START - timedelta(days=3)))
    return {
        "line_key": [f"k{n}" for n in range(len(rows))],
        "customer": [row[0] for row in rows],
        "item": [row[1] for row in rows],
        "description": [row[1].title() for row in rows],
        "basket": [row[2] for row in rows],
        "at": [row[3] for row in rows],
        "quantity": [1] * len(rows),
        "unit_price": [Decimal("4.50")] * len(rows),
        "amount_minor": [450] * len(rows),
        "currency": ["EUR"] * len(rows),
        "country": [""] * len(rows),
    }


def _record(server: Server) -> None:
    record_history(server.services.database, server.shop.scope, [_lines()])


def _publish(server: Server, tmp_path: Path, version: str) -> None:
    lines = _lines()
    taken = Interactions.from_columns(
        lines["customer"], lines["item"], [microseconds(at) for at in lines["at"]], lines["basket"]
    )
    snapshot, _ = fit_recommender(
        taken, as_of_us=microseconds(START), rng=np.random.default_rng(0), config=FitConfig(baselines=())
    )
    folder = tmp_path / version
    snapshot.save(folder)
    registry = FolderRegistry(server.services.settings.home / "models")
    tenant = server.shop.opened.tenant.id
    registry.publish(tenant, "recommender", folder, card(tenant=tenant, task="recommender", version=version))
    registry.promote(tenant, "recommender", version, "test", START)


def _ask(server: Server, query: str) -> Any:
    answer = server.call("GET", f"/v1/recommendations?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_before_any_model_the_newest_products_answer(server: Server) -> None:
    """An empty shop says so; one with products shows them, without what the customer owns."""
    assert _ask(server, "customer=ann")["shortfall"] == "no_products"
    _record(server)

    answer = _ask(server, "customer=ann")

    assert (answer["level"], answer["model"]) == ("new", None)
    assert {item["item"] for item in answer["items"]} == {"cup", "coffee", "filter", "kettle"}


def test_a_promoted_model_serves_without_a_restart(server: Server, tmp_path: Path) -> None:
    """Ann bought tea, so the cup comes first, and says why; the version that answered is named."""
    _record(server)
    _publish(server, tmp_path, "v0001")

    answer = _ask(server, "customer=ann&k=2")

    assert (answer["level"], answer["model"]) == ("personal", "v0001")
    first = answer["items"][0]
    assert (first["item"], first["price"]) == ("cup", {"amount": "4.50", "currency": "EUR"})
    assert (first["reasons"][0]["kind"], first["reasons"][0]["item"]) == ("because_you_bought", "tea")


def test_an_unknown_customer_gets_what_is_popular(server: Server, tmp_path: Path) -> None:
    """And the level says that it is not personal."""
    _record(server)
    _publish(server, tmp_path, "v0001")

    answer = _ask(server, "customer=nobody&k=3")

    assert answer["level"] == "trending"
    assert len(answer["items"]) == 3


def test_what_is_owned_carted_excluded_or_unsold_is_never_shown(server: Server, tmp_path: Path) -> None:
    """On every level, for as many items as there are."""
    _record(server)
    _publish(server, tmp_path, "v0001")
    with server.services.database.unit(server.shop.scope) as unit:
        store = ProductStore(unit)
        coffee = store.by_keys(["coffee"])["coffee"]
        store.put([replace(coffee, buyable=False)])

    shown = [item["item"] for item in _ask(server, "customer=ann&k=50&cart=cup&exclude=kettle")["items"]]

    assert shown == ["filter"]


def test_bundles_without_a_model_are_an_empty_answer(server: Server) -> None:
    """With its reason, not an error."""
    answer = server.call("GET", "/v1/bundles?customer=ann").json()

    assert answer == {"bundles": [], "model": None, "shortfall": "no_model"}
