"""Offers over HTTP: the right one, at its price, once, and never to those who must not see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from features.offers.change import put_policy
from features.offers.policy import Caps, OfferPolicy
from models.offers.holdout import is_held_out
from serving.tokens import sign
from tests.shop import START, delivery

if TYPE_CHECKING:
    from tests.serving.api.conftest import Server


EAGER = OfferPolicy(first_days=0, explore=0.0, caps=Caps(person=None))
"""Nobody is left alone for being new, no week passes between offers, and nothing is left to chance."""


@pytest.fixture(autouse=True)
def _eager(server: Server) -> None:
    with server.services.database.unit(server.shop.scope) as unit:
        put_policy(unit, EAGER, now=START)


def _ask(server: Server, customer: str = "ann", **options: Any) -> Any:
    return server.call("POST", "/v1/decisions", json={"customer": customer}, **options).json()


def _use(server: Server, count: int, customer: str = "ann") -> None:
    events = [delivery(customer, f"{customer}-{number}") for number in range(count)]
    assert server.call("POST", "/v1/events", json=events).json()["accepted"] == count


def test_a_denied_feature_leads_to_the_offer_that_unlocks_it(server: Server, subscribed: dict[str, Any]) -> None:
    """Asked for and refused, early access is offered with Plus, at the price the change would cost."""
    denied = server.call("POST", "/v1/access/check", json={"customer": "ann", "feature": "early_access"}).json()
    assert (denied["allowed"], denied["reason"]) == (False, "not_in_plan")
    assert denied["unlock"][0]["plan"] == "plus"

    decision = _ask(server)

    assert (decision["reason"], decision["offer"]["target"]) == ("feature_denied", "plus")
    path = f"/v1/subscriptions/{subscribed['id']}/change"
    preview = server.call("POST", path, json={"target": "plus", "preview": True}).json()
    assert decision["offer"]["quote"]["total"] == preview["total"]


def test_a_limit_near_its_end_leads_to_more_of_it(server: Server, subscribed: dict[str, Any]) -> None:
    """Three of three deliveries used: Plus raises the limit."""
    _use(server, 3)

    decision = _ask(server)

    assert (decision["reason"], decision["offer"]["target"]) == ("limit_near", "plus")
    assert "3 of 3" in decision["offer"]["message"]


def test_nothing_is_offered_without_a_reason(server: Server, subscribed: dict[str, Any]) -> None:
    """A content customer is left alone, and so is one without a subscription."""
    content = _ask(server)
    assert (content["offer"], content["reason"]) == (None, "nothing_to_offer")
    assert _ask(server, "bob")["reason"] == "no_subscription"


def test_accepting_changes_the_plan_at_the_quoted_price_once(server: Server, subscribed: dict[str, Any]) -> None:
    """Access widens at once; a second acceptance changes nothing."""
    _use(server, 3)
    decision = _ask(server)
    path = f"/v1/decisions/{decision['decision_id']}/outcome"

    accepted = server.call("POST", path, json={"kind": "accept"}).json()
    again = server.call("POST", path, json={"kind": "accept"}).json()

    assert accepted["total"] == decision["offer"]["quote"]["total"]
    assert (accepted["plan"], again["recorded"]) == ("plus", False)
    check = server.call("POST", "/v1/access/check", json={"customer": "ann", "feature": "early_access"}).json()
    assert check["allowed"]
    upcoming = server.call("GET", f"/v1/subscriptions/{subscribed['id']}/upcoming-invoice").json()
    quoted = [line["amount"] for line in decision["offer"]["quote"]["lines"]]
    assert [line["amount"] for line in upcoming["lines"] if line["kind"] == "change"] == quoted


def test_two_tabs_see_one_offer(server: Server, subscribed: dict[str, Any]) -> None:
    """While it is open, asking again shows the same decision at the same price."""
    _use(server, 3)

    assert _ask(server) == _ask(server)


def test_a_dismissed_offer_stays_away(server: Server, subscribed: dict[str, Any]) -> None:
    """For three days after the first dismissal, then it may come back."""
    _use(server, 3)
    decision = _ask(server)
    server.call("POST", f"/v1/decisions/{decision['decision_id']}/outcome", json={"kind": "dismiss"})
    assert _ask(server)["reason"] == "cooling_down"

    server.call("POST", "/v1/test-clock", json={"advance_to": (START + timedelta(days=3)).isoformat()})

    assert _ask(server)["reason"] == "limit_near"


@pytest.fixture
def held_out(server: Server) -> str:
    """A customer of the holdout, who uses all of Starter."""
    server.services.settings.holdout_per_ten_thousand = 500
    tenant = server.shop.opened.tenant.id
    key = next(f"h{n}" for n in range(10_000) if is_held_out(tenant, f"h{n}"))
    with server.services.database.unit(server.shop.scope) as unit:
        CustomerStore(unit).ensure([key], START)
    server.call("POST", "/v1/subscriptions", json={"customer": key, "plan": "starter"})
    _use(server, 3, key)
    return key


def test_the_holdout_sees_no_offer_and_what_it_missed_is_kept(server: Server, held_out: str) -> None:
    """Whatever the signals, the answer is null; the trace holds the counterfactual for the report."""
    decision = _ask(server, held_out)

    assert (decision["offer"], decision["reason"]) == (None, "holdout")
    kept = server.call("GET", f"/v1/decisions/{decision['decision_id']}").json()
    assert (kept["would_target"], kept["is_held_out"], kept["trace"]["would_have_shown"]["target"]) == (
        "plus",
        True,
        "plus",
    )


def test_a_browser_speaks_for_its_own_customer_only(server: Server, subscribed: dict[str, Any]) -> None:
    """With a fresh token from the shop it may ask and answer; with a stale, foreign or forged one it may not."""
    secret = server.call("GET", "/v1/signing-secret").json()["signing_secret"]
    now = datetime.now(UTC)
    browser = {"Origin": "https://shop.example"}
    key = server.shop.opened.publishable_key

    def ask(token: str, **body: Any) -> Any:
        return server.call("POST", "/v1/decisions", key=key, headers={**browser, "X-Customer-Token": token}, json=body)

    fresh = sign(secret, "ann", now=now)
    assert ask(fresh).json()["reason"] == "nothing_to_offer"
    assert ask(fresh, customer="bob").json()["code"] == "bad_customer_token"
    assert ask(sign(secret, "ann", now=now - timedelta(hours=2))).status_code == 401
    assert ask(sign(secret, "ann", now=now, life=timedelta(days=1))).status_code == 401
    assert ask(sign("another secret of some length....", "ann", now=now)).status_code == 401


def test_an_outcome_of_another_customers_decision_is_refused(server: Server, subscribed: dict[str, Any]) -> None:
    """A browser cannot accept what was offered to somebody else."""
    _use(server, 3)
    decision = _ask(server)
    secret = server.call("GET", "/v1/signing-secret").json()["signing_secret"]
    token = sign(secret, "bob", now=datetime.now(UTC))

    answer = server.call(
        "POST",
        f"/v1/decisions/{decision['decision_id']}/outcome",
        key=server.shop.opened.publishable_key,
        headers={"Origin": "https://shop.example", "X-Customer-Token": token},
        json={"kind": "accept"},
    )

    assert answer.status_code == 409
    assert server.call("GET", f"/v1/subscriptions/{subscribed['id']}").json()["plan"] == "starter"


def test_a_retry_with_the_same_key_gets_the_same_answer(server: Server, subscribed: dict[str, Any]) -> None:
    """Said to be a replay; another question under that key is refused, and an empty key is none."""
    _use(server, 3)
    key = {"Idempotency-Key": "try-1"}
    first = server.call("POST", "/v1/decisions", json={"customer": "ann"}, headers=key)
    again = server.call("POST", "/v1/decisions", json={"customer": "ann"}, headers=key)
    other = server.call("POST", "/v1/decisions", json={"customer": "bob"}, headers=key)

    assert first.json()["offer"]
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    assert "idempotent-replayed" not in first.headers
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", "body"),
        (b"[]", "body"),
        (b'{"customer": 3}', "body.customer"),
        (b'{"customer": "ann", "placement": ""}', "body.placement"),
        (b'{"customer": "ann", "member": ""}', "body.member"),
    ],
)
def test_a_question_that_cannot_be_read_is_told_which_field(server: Server, body: bytes, field: str) -> None:
    """As everywhere: 422 with the field."""
    answer = server.call("POST", "/v1/decisions", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"][0]["field"] == field


def test_a_secret_key_names_the_member_and_a_browser_only_by_its_token(
    server: Server, subscribed: dict[str, Any]
) -> None:
    """What a page says of its member is not believed; what the shop signed is."""
    secret = server.call("GET", "/v1/signing-secret").json()["signing_secret"]
    token = sign(secret, "ann", now=datetime.now(UTC), member="m2", role="clerk")
    page = {"Origin": "https://shop.example", "X-Customer-Token": token}
    told = _ask(server, headers={}) | {}
    said = server.call("POST", "/v1/decisions", json={"customer": "ann", "member": "m1"}).json()
    claimed = server.call(
        "POST", "/v1/decisions", key=server.shop.opened.publishable_key, headers=page, json={"member": "m1"}
    ).json()

    members = [
        server.call("GET", f"/v1/decisions/{each['decision_id']}").json()["member"] for each in (told, said, claimed)
    ]
    assert members == [None, "m1", "m2"]


def test_a_wall_is_explained_though_nothing_is_offered(server: Server, subscribed: dict[str, Any]) -> None:
    """A dismissed offer stays away, and what would open the wall is said all the same."""
    _use(server, 3)
    decision = _ask(server)
    server.call("POST", f"/v1/decisions/{decision['decision_id']}/outcome", json={"kind": "dismiss"})

    answer = _ask(server)

    assert (answer["offer"], answer["reason"]) == (None, "cooling_down")
    assert (answer["wall"]["feature"], decision["wall"]["feature"]) == ("deliveries", "deliveries")
    assert answer["wall"]["unlocked_by"]


def test_decisions_are_listed_and_each_says_why(server: Server, subscribed: dict[str, Any]) -> None:
    """Newest first, in pages, with their experiments, what came of them and when, and sentences."""
    _ask(server, "bob")
    _use(server, 3)
    made = _ask(server)
    server.call("POST", f"/v1/decisions/{made['decision_id']}/outcome", json={"kind": "impression"})

    listed = server.call("GET", "/v1/decisions", params={"limit": 1}).json()
    rest = server.call("GET", "/v1/decisions", params={"cursor": listed["next_cursor"]}).json()
    offered = server.call("GET", "/v1/decisions", params={"customer": "ann", "offered": True}).json()
    shown = server.call("GET", f"/v1/decisions/{made['decision_id']}").json()

    assert [each["customer"] for each in (*listed["items"], *rest["items"])] == ["ann", "bob"]
    assert [each["id"] for each in offered["items"]] == [made["decision_id"]]
    assert shown["offer"] == made["offer"]
    assert [each["experiment"] for each in shown["experiments"]] == ["programme", "offer:limit_near"]
    assert [each["kind"] for each in shown["outcomes_at"]] == ["impression"]
    assert any("3 of 3" in sentence for sentence in shown["why"])
    assert shown["why"][0].startswith(f"'{made['offer']['target']}' was offered")
