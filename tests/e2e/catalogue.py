"""What the shop of the journey sells, as a business would send it: two meters, three features, three plans and an add-on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.e2e.client import Client

METERS = [
    {"key": key, "name": key.title(), "event_type": key, "aggregation": "count"} for key in ("deliveries", "visits")
]
FEATURES = [
    {"key": "deliveries", "name": "Deliveries", "kind": "limit", "meter": "deliveries"},
    {"key": "early_access", "name": "Early access", "kind": "boolean"},
    {"key": "tastings", "name": "Tastings", "kind": "boolean"},
]


def publish(client: Client) -> None:
    """Send the whole catalogue."""
    for meter in METERS:
        client.post("/v1/meters", meter)
    for feature in FEATURES:
        client.post("/v1/features", feature)
    for plan in _plans():
        client.post("/v1/plans", plan)
    client.post("/v1/addons", _addon())


def _plans() -> list[dict[str, Any]]:
    free_four = [{"up_to": "4", "unit_price": "0"}, {"up_to": None, "unit_price": "2.50"}]
    free_twelve = [{"up_to": "12", "unit_price": "0"}, {"up_to": None, "unit_price": "1.50"}]
    return [
        _plan("starter", 0, "9.00", {"model": "graduated", "tiers": free_four}, {"deliveries": 8}),
        _plan(
            "plus",
            1,
            "19.00",
            {"model": "graduated", "tiers": free_twelve},
            {"deliveries": 25, "early_access": True},
        ),
        _plan(
            "pro",
            2,
            "49.00",
            {"model": "per_unit", "unit_price": "0.75"},
            {"deliveries": None, "early_access": True},
        ),
    ]


def _plan(key: str, rank: int, fee: str, deliveries: dict[str, Any], grants: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": key,
        "name": key.title(),
        "rank": rank,
        "currency": "EUR",
        "charges": [
            {"key": "membership", "name": f"{key.title()} membership", "price": {"model": "flat", "amount": fee}},
            {"key": "deliveries", "name": "Deliveries", "meter": "deliveries", "price": deliveries},
        ],
        "grants": grants,
    }


def _addon() -> dict[str, Any]:
    box = {"key": "box", "name": "Tasting box", "price": {"model": "flat", "amount": "7.50"}}
    return {
        "key": "tasting_box",
        "name": "Tasting box",
        "currency": "EUR",
        "charges": [box],
        "grants": {"tastings": True},
        "requires": ["starter", "plus", "pro"],
    }
