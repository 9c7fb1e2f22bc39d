"""Price previews by seats, events and who buys: what an invoice would say, before anything happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server

MATRIX = {
    "model": "matrix",
    "dimensions": ["region"],
    "prices": [{"values": ["eu"], "unit_price": "2"}],
    "default": "3",
}


def _charge(price: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"key": "use", "name": "Use", "meter": "use", "price": price, **fields}


def _preview(server: Server, charge: dict[str, Any], **fields: Any) -> Any:
    return server.call("POST", "/v1/pricing/preview", json={"charges": [{"charge": charge}], **fields})


def _total(server: Server, charge: dict[str, Any], **fields: Any) -> str:
    answer = _preview(server, charge, **fields)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["total"]["amount"])


def test_single_payments_are_priced_by_a_percentage(server: Server) -> None:
    """2 % and 0.10 a payment of 100.00 and of 50.00: 2.10 and 1.10."""
    price = {"model": "percentage", "rate_percent": "2", "fixed_per_event": "0.10"}
    events = [{"key": "use", "quantity": "100"}, {"key": "use", "quantity": "50"}]

    assert _total(server, _charge(price), events=events) == "3.20"


def test_a_matrix_reads_properties(server: Server) -> None:
    """2 units from the EU at 2, 1 from elsewhere at 3, and 4 of nowhere at 3."""
    events = [
        {"key": "use", "quantity": "2", "properties": {"region": "eu"}},
        {"key": "use", "properties": {"region": "us"}},
        {"key": "use", "quantity": "4"},
    ]

    assert _total(server, _charge(MATRIX), events=events) == "19.00"


@pytest.mark.parametrize(
    ("when", "context", "total"),
    [
        ({"segment": "gold"}, {"segments": ["gold"]}, "5.00"),
        ({"segment": "gold"}, {}, "10.00"),
        ({"region": "BY"}, {"region": "BY"}, "5.00"),
        ({"committed_at_least": "100"}, {"committed": "100"}, "5.00"),
        ({"committed_at_least": "100"}, {"committed": "99.99"}, "10.00"),
        ({"experiment": {"price": "b"}}, {"experiments": {"price": "b"}}, "5.00"),
        ({"hours": ["22:00", "06:00"]}, {"hour": 23}, "5.00"),
        ({"hours": ["22:00", "06:00"]}, {"hour": 6}, "10.00"),
    ],
)
def test_rules_by_who_buys(server: Server, when: dict[str, Any], context: dict[str, Any], total: str) -> None:
    """10 units at 1.00, at half for whom the rule is."""
    rule = {"name": "half", "when": when, "then": {"multiply": "0.5"}}
    body = {"charge": _charge({"model": "per_unit", "unit_price": "1"}, rules=[rule]), "quantity": "10"}

    answer = server.call("POST", "/v1/pricing/preview", json={"charges": [body], "context": context}).json()

    assert answer["total"]["amount"] == total


def test_events_at_night_in_the_buyers_zone(server: Server) -> None:
    """23:30 UTC in winter is 00:30 in Berlin: cheap from 00:00; 21:30 UTC is 22:30: not yet."""
    rule = {"name": "night", "when": {"hours": ["00:00", "06:00"]}, "then": {"multiply": "0.5"}}
    events = [{"key": "use", "at": f"2026-01-15T{hour}:30:00Z"} for hour in (21, 23)]
    charge = _charge({"model": "per_unit", "unit_price": "1"}, rules=[rule])

    assert _total(server, charge, events=events, context={"zone": "Europe/Berlin"}) == "1.50"


def test_seats_multiply_what_is_bought_by_the_seat(server: Server) -> None:
    """7 seats at 4.00."""
    charge = {"key": "seat", "name": "Seats", "per": "seat", "price": {"model": "per_unit", "unit_price": "4"}}

    assert _total(server, charge, seats=7) == "28.00"


def test_events_by_type_go_through_the_shops_meters(server: Server) -> None:
    """Starter of 9.00 with four deliveries, two of them free, is 12.00: what the quantity 4 comes to as well."""
    events = [{"event": "delivery"}] * 4
    by_event = server.call("POST", "/v1/pricing/preview", json={"plan": "starter", "events": events}).json()
    body = {"plan": "starter", "quantities": {"deliveries": "4"}}

    assert by_event["total"]["amount"] == "12.00"
    assert by_event == server.call("POST", "/v1/pricing/preview", json=body).json()


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([{"key": "other"}], "invalid_preview"),
        ([{"event": "other"}], "invalid_preview"),
        ([{}], "invalid_preview"),
        ([{"key": "use", "event": "delivery"}], "invalid_preview"),
        ([{"key": "use", "at": "2026-01-15T10:00:00"}], "invalid_request"),
    ],
)
def test_an_event_that_nothing_counts_is_refused(server: Server, events: list[dict[str, Any]], code: str) -> None:
    """Rather than priced at nothing."""
    answer = _preview(server, _charge({"model": "per_unit", "unit_price": "1"}), events=events)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_plan_is_previewed_in_a_currency_that_it_has(server: Server) -> None:
    """And in no other."""
    answer = server.call("POST", "/v1/pricing/preview", json={"plan": "starter", "currency": "USD"})

    assert (answer.status_code, answer.json()["code"]) == (422, "currency_not_offered")
