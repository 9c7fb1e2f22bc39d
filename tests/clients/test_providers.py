"""The three OpenFeature providers for remote evaluation say what the gate says, for the same customers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from openfeature.api import get_client, set_provider, shutdown
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

from serving.ofrep.flags import NO_LIMIT
from tests.clients.conftest import CUSTOMERS, ORIGIN, driving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.clients.conftest import Driven, Shop

    Evaluate = Callable[[str, str, Any, str | None], dict[str, Any]]

pytestmark = [pytest.mark.clients, pytest.mark.timeout(120)]

FLAGS = (
    ("reports", "boolean", True),
    ("exports", "boolean", True),
    ("deliveries", "number", -7),
    ("look", "object", {"caller": "own"}),
    ("greeting", "string", "caller's own"),
)
"""Every feature, the type that a caller expects, and a default that no plan gives."""


@pytest.fixture(params=["python", "node"])
def evaluate(request: pytest.FixtureRequest, shop: Shop) -> Iterator[Evaluate]:
    """Asks by a server's provider: flag, type, default and targeting key to the details."""
    bearer = f"Bearer {shop.keys['secret_key']}"
    if request.param == "python":
        set_provider(OFREPProvider(shop.address, headers_factory=lambda: {"Authorization": bearer}))
        yield _by_python
        shutdown()
        return
    with driving(client="server", baseUrl=shop.address, headers=[["Authorization", bearer]]) as driven:
        yield lambda flag, kind, otherwise, customer: _by_node(driven, flag, kind, otherwise, customer)


def _by_python(flag: str, kind: str, otherwise: Any, customer: str | None) -> dict[str, Any]:
    client = get_client()
    ask = {
        "boolean": client.get_boolean_details,
        "number": client.get_integer_details,
        "string": client.get_string_details,
        "object": client.get_object_details,
    }[kind]
    found = ask(flag, otherwise, EvaluationContext(customer))
    error = None if found.error_code is None else found.error_code.value
    reason = getattr(found.reason, "value", found.reason)
    metadata = dict(found.flag_metadata)
    return {"value": found.value, "variant": found.variant, "reason": reason, "error": error, "metadata": metadata}


def _by_node(driven: Driven, flag: str, kind: str, otherwise: Any, customer: str | None) -> dict[str, Any]:
    context = {} if customer is None else {"targetingKey": customer}
    found = driven.do("evaluate", flag=flag, type=kind, otherwise=otherwise, context=context)
    return _details(found)


def _details(found: dict[str, Any]) -> dict[str, Any]:
    return {
        "value": found["value"],
        "variant": found.get("variant"),
        "reason": found["reason"],
        "error": found.get("errorCode"),
        "metadata": found["flagMetadata"],
    }


def _agrees(shop: Shop, customer: str, flag: str, kind: str, found: dict[str, Any]) -> None:
    """That the details are the gate's answer in the protocol's words."""
    gate = shop.check(customer, flag)
    expected: Any = gate["allowed"] if kind == "boolean" else gate["value"]
    if kind == "number":
        expected = (
            0 if gate["value"] is None and not gate["allowed"] else NO_LIMIT if gate["limit"] is None else gate["limit"]
        )
    source = "+".join(f"{each['kind']}:{each['key']}" for each in gate["sources"])
    assert (found["value"], found["error"], found["reason"]) == (expected, None, "STATIC"), (customer, flag)
    assert found["variant"] == (source or "none")
    told = found["metadata"]
    assert (told["why"], told["allowed"], told.get("limit")) == (gate["reason"], gate["allowed"], gate["limit"])
    assert str(told.get("used")) == str(gate["used"])
    assert told.get("unlock_plan") == next((each["plan"] for each in gate["unlock"] if "plan" in each), None)


def test_a_servers_provider_says_what_the_gate_says(evaluate: Evaluate, shop: Shop) -> None:
    """Booleans, limits and configurations, granted, by default, without a limit and not granted."""
    for customer in CUSTOMERS:
        for flag, kind, otherwise in FLAGS:
            _agrees(shop, customer, flag, kind, evaluate(flag, kind, otherwise, customer))


def test_a_servers_provider_falls_back_with_the_right_error(evaluate: Evaluate) -> None:
    """The caller's default, and why, as a code of the standard."""
    for expected, flag, kind, otherwise, customer in (
        ("FLAG_NOT_FOUND", "nothing", "boolean", True, "ann"),
        ("TARGETING_KEY_MISSING", "reports", "boolean", True, None),
        ("INVALID_CONTEXT", "reports", "boolean", True, "nobody"),
        ("TYPE_MISMATCH", "reports", "string", "mine", "ann"),
    ):
        found = evaluate(flag, kind, otherwise, customer)
        assert (found["value"], found["error"], found["reason"]) == (otherwise, expected, "ERROR"), expected


def test_used_units_are_seen_by_the_next_evaluation(evaluate: Evaluate, shop: Shop) -> None:
    """No provider of a server keeps what it was told."""
    before = evaluate("deliveries", "number", -1, "ann")["metadata"]["used"]
    shop.use("ann", f"seen-{before}")
    assert evaluate("deliveries", "number", -1, "ann")["metadata"]["used"] == before + 1


def test_a_browsers_provider_asks_once_for_all_flags_and_polls_by_tag(shop: Shop) -> None:
    """One question at first, 304 while nothing changes, everything anew when a unit is used."""
    with driving(**_page(shop, "ann", pollInterval=50)) as page:
        assert page.do("failed") is None
        for flag, kind, otherwise in FLAGS:
            _agrees(shop, "ann", flag, kind, _details(page.do("evaluate", flag=flag, type=kind, otherwise=otherwise)))
        requests = page.do("requests", atLeast=3)
        assert [each["status"] for each in requests[:3]] == [200, 304, 304]
        assert requests[1]["tag"] == requests[0]["etag"]
        before = page.do("evaluate", flag="deliveries", type="number", otherwise=0)["flagMetadata"]["used"]

        shop.use("ann", "polled")

        assert "deliveries" in page.do("changes", atLeast=1)[-1]
        after = page.do("evaluate", flag="deliveries", type="number", otherwise=0)["flagMetadata"]["used"]
        assert after == before + 1


def test_a_browsers_provider_hears_of_a_change(shop: Shop) -> None:
    """Without polling: the stream tells of a new tag, and the provider asks again with it."""
    with driving(**_page(shop, "bob")) as page:
        first, opened = page.do("requests", atLeast=2)[:2]
        assert (first["status"], opened["status"], opened["told"]) == (200, 304, first["etag"])

        shop.use("bob", "heard")

        assert page.do("changes", atLeast=1) == [["deliveries"]]
        last = page.do("requests", atLeast=3)[2]
        assert (last["status"], last["told"]) == (200, last["etag"])
        assert last["tag"] == first["etag"] != last["etag"]
        assert page.do("evaluate", flag="deliveries", type="number", otherwise=0)["flagMetadata"]["used"] == 1


def test_a_browsers_provider_that_may_not_ask_says_so(shop: Shop) -> None:
    """A page of another's and another's token for good; no targeting key and nobody with the status, which is all this client passes on."""
    foreign = _page(shop, "bob")
    foreign["headers"][1][1] = "https://elsewhere.example"
    other = {**_page(shop, "bob"), "context": {"targetingKey": "ann"}}
    for settings, code in (
        (foreign, "PROVIDER_FATAL"),
        (other, "PROVIDER_FATAL"),
        ({**_page(shop, "bob"), "context": {}}, "GENERAL"),
        (_page(shop, "nobody"), "GENERAL"),
    ):
        with driving(**settings) as page:
            failed = page.do("failed")
            assert failed["code"] == code
            assert code != "GENERAL" or "400" in failed["message"]
            found = page.do("evaluate", flag="reports", type="boolean", otherwise=True)
            assert (found["value"], found["reason"]) == (True, "ERROR")


def _page(shop: Shop, customer: str, **more: Any) -> dict[str, Any]:
    """How a page of the shop sets its provider up."""
    headers = [
        ["Authorization", f"Bearer {shop.keys['publishable_key']}"],
        ["Origin", ORIGIN],
        ["X-Customer-Token", shop.token(customer)],
    ]
    context = {"targetingKey": customer, "plan": "enterprise", "role": "owner"}
    return {"client": "web", "baseUrl": shop.address, "headers": headers, "context": context, "pollInterval": 0, **more}
