"""Recommendations over HTTP before and after a model is there: never an error, never what is owned or not for sale."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from billing.catalog.products.store import ProductStore
from billing.purchases.record import record_history
from features.sources import microseconds
from models.bundles.affinity import fit_affinity
from models.bundles.snapshot import BundleSnapshot
from models.recommender.fit import FitConfig, fit_recommender
from models.recommender.interactions import Interactions
from models.registry.folder import FolderRegistry
from serving.tokens import sign, signing_secret
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


def test_targets_differ_in_what_they_may_show(server: Server, tmp_path: Path) -> None:
    """New hides what is owned, reorder shows nothing else, any shows both, and an add-on goes with the cart."""
    _record(server)
    _publish(server, tmp_path, "v0001")

    def shown(query: str) -> list[str]:
        return [item["item"] for item in _ask(server, f"customer=ann&k=9&{query}")["items"]]

    assert "tea" not in shown("target=new")
    assert shown("target=reorder") == ["tea"]
    assert {"tea", "cup"} <= set(shown("target=any"))
    assert shown("target=addon&cart=coffee")[0] == "filter"
    assert _ask(server, "customer=ann&variant=control")["model"] == "v0001 (control)"
    assert server.call("GET", "/v1/recommendations?customer=ann&target=nonsense").status_code == 422
    assert server.call("GET", "/v1/recommendations?customer=ann&margin_weight=3").status_code == 422


def _close(server: Server) -> None:
    """Ann must never have steel, and opts out of profiling."""
    for item, material in {"kettle": "steel", "filter": "paper", "cup": "clay", "coffee": "bean"}.items():
        _describe(server, item, material=[material])
    _declare(server, {"kind": "never", "key": "material", "value": "steel"})
    server.call("PUT", "/v1/customers/ann/profiling", json={"allowed": False})


def test_who_opted_out_of_profiling_gets_what_everybody_gets(server: Server, tmp_path: Path) -> None:
    """What they own and must never have stays hidden; neither their orders nor their cart or likes are read."""
    _record(server)
    _publish(server, tmp_path, "v0001")
    _close(server)
    stranger = [item["item"] for item in _ask(server, "customer=nobody&k=9&exclude=tea&exclude=kettle")["items"]]

    for query in ("", "&cart=filter", "&target=any&exclude=tea", "&target=addon&cart=filter&exclude=tea"):
        found = _ask(server, f"customer=ann&k=9{query}")
        kinds = {reason["kind"] for item in found["items"] for reason in item["reasons"]}
        kept = [item for item in stranger if item not in query]
        assert (found["level"], [item["item"] for item in found["items"]]) == ("trending", kept), query
        assert kinds <= {"trending", "popular", "new"}, query
    assert _ask(server, "customer=ann&target=reorder")["items"] == []


def test_without_a_model_too_what_is_owned_and_never_wanted_is_hidden_from_who_opted_out(server: Server) -> None:
    """The newest of the rest."""
    _record(server)
    _close(server)

    found = _ask(server, "customer=ann&k=9")

    assert (found["level"], {item["item"] for item in found["items"]}) == ("new", {"cup", "coffee", "filter"})


def _declare(server: Server, *wishes: dict[str, Any]) -> None:
    answer = server.call("PUT", "/v1/customers/ann/preferences", json={"preferences": list(wishes)})
    assert answer.status_code == 200, answer.text


def _describe(server: Server, item: str, **attributes: list[str]) -> None:
    answer = server.call("PUT", f"/v1/items/{item}/attributes", json={"attributes": attributes})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("with_model", [False, True])
def test_a_declared_allergen_hides_what_has_it_and_what_nothing_is_known_of(
    server: Server, tmp_path: Path, *, with_model: bool
) -> None:
    """With a model or without, for every target and a full list: only what is known to be safe."""
    _record(server)
    if with_model:
        _publish(server, tmp_path, "v0001")
    _describe(server, "cup", allergens=["Nuts"])
    _describe(server, "filter", allergens=[])
    _describe(server, "kettle", allergens=["milk"])
    _declare(server, {"kind": "never", "key": "allergens", "value": "nuts"})

    for query in ("target=new", "target=any", "target=reorder", "target=addon&cart=kettle", "variant=control"):
        shown = {item["item"] for item in _ask(server, f"customer=ann&k=50&{query}")["items"]}
        assert shown <= {"filter", "kettle"}, query
    assert {item["item"] for item in _ask(server, "customer=ann&k=50")["items"]} == {"filter", "kettle"}


def test_bundles_respect_what_was_declared(server: Server, tmp_path: Path) -> None:
    """No part of a bundle is something that the customer declared never to want; what is shown as its price is what is quoted."""
    _record(server)
    lines = _lines()
    taken = Interactions.from_columns(
        lines["customer"], lines["item"], [microseconds(at) for at in lines["at"]], lines["basket"]
    )
    until = microseconds(START)
    folder = tmp_path / "bundles"
    BundleSnapshot.of(fit_affinity(taken, until), taken.items, until).save(folder)
    registry, tenant = FolderRegistry(server.services.settings.home / "models"), server.shop.opened.tenant.id
    registry.publish(tenant, "bundles", folder, card(tenant=tenant, task="bundles", version="v0001"))
    registry.promote(tenant, "bundles", "v0001", "test", START)

    def parts() -> set[str]:
        found = server.call("GET", "/v1/bundles?customer=ann&anchor=coffee&k=9").json()["bundles"]
        return {part["item"] for bundle in found for part in bundle["items"]}

    assert "filter" in parts()
    shown = server.call("GET", "/v1/bundles?customer=ann&anchor=coffee&k=1").json()["bundles"][0]
    asked = {"customer": "ann", "items": [part["item"] for part in shown["items"]]}
    assert server.call("POST", "/v1/bundles/quotes", json=asked).json()["total"] == shown["price"]
    _describe(server, "filter", material=["paper"])
    _declare(server, {"kind": "never", "key": "material", "value": "paper"})
    assert "filter" not in parts()


def test_a_like_moves_and_says_so(server: Server, tmp_path: Path) -> None:
    """The same list, with what is liked further up; nothing is hidden by it."""
    _record(server)
    _publish(server, tmp_path, "v0001")
    before = [item["item"] for item in _ask(server, "customer=nobody&k=9")["items"]]
    _describe(server, "kettle", level=["expert"])
    _declare(server, {"kind": "like", "key": "level", "value": "expert"})
    after = [item["item"] for item in _ask(server, "customer=ann&k=9")["items"]]

    assert set(after) == set(before) - {"tea"}
    assert after.index("kettle") <= [item for item in before if item != "tea"].index("kettle")


def test_a_browser_speaks_for_its_own_customer_alone(server: Server) -> None:
    """With ann's token a page reads and writes ann's wishes, and not bob's."""
    secret = signing_secret(server.services.secret, server.shop.opened.tenant.id)
    token = sign(secret, "ann", now=server.services.clock.now())
    headers = {"Origin": "https://shop.example", "X-Customer-Token": token}
    key = server.shop.opened.publishable_key
    body = {"preferences": [{"kind": "must", "key": "diet", "value": "vegan"}]}

    own = server.call("PUT", "/v1/customers/ann/preferences", key=key, headers=headers, json=body)
    others = server.call("PUT", "/v1/customers/bob/preferences", key=key, headers=headers, json=body)
    read = server.call("GET", "/v1/customers/bob/preferences", key=key, headers=headers)

    assert own.status_code == 200, own.text
    assert (others.json()["code"], read.json()["code"]) == ("bad_customer_token", "bad_customer_token")
    assert server.call("GET", "/v1/customers/bob/preferences").json()["preferences"] == []


def test_the_next_plan_is_never_the_own_one(server: Server, subscribed: dict[str, Any]) -> None:
    """Ann is on Starter: what follows is dearer plans and add-ons that fit, with prices and reasons; strangers have no next step."""
    assert subscribed["plan"] == "starter"
    answer = _ask(server, "customer=ann&target=upgrade&k=9")
    shown = [item["item"] for item in answer["items"]]

    assert "plus" in shown
    assert "starter" not in shown
    assert all(item["price"] and item["reasons"] for item in answer["items"])
    assert "plus" not in [
        item["item"] for item in _ask(server, "customer=ann&target=upgrade&k=9&exclude=plus")["items"]
    ]
    _describe(server, "starter", upgrades_to=["pro"])
    plans = [
        item["item"] for item in _ask(server, "customer=ann&target=upgrade&k=9")["items"] if item["kind"] == "plan"
    ]
    assert plans == ["pro"]
    assert _ask(server, "customer=nobody&target=upgrade")["shortfall"] == "no_subscription"
