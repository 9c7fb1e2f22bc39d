"""Signals, feedback, transparency and the opt-out over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.clock import SystemClock
from features.scores.store import Score, ScoreStore
from serving.jobs.signals import tend_signals
from serving.tokens import sign, signing_secret
from tests.threads import together

if TYPE_CHECKING:
    from datetime import datetime

    from tests.serving.api.conftest import Server

AT_ONCE = {"first_days": 0, "explore": 0}


@pytest.fixture
def eager(server: Server, subscribed: dict[str, Any]) -> Server:
    """Ann is on Starter, and the policy leaves nobody alone for the first days."""
    assert subscribed["plan"] == "starter"
    answer = server.call("PUT", "/v1/offers/policy", json=AT_ONCE)
    assert answer.status_code == 200, answer.text
    return server


def _browser(server: Server, customer: str) -> dict[str, Any]:
    secret = signing_secret(server.services.secret, server.shop.opened.tenant.id)
    token = sign(secret, customer, now=SystemClock().now())
    return {
        "key": server.shop.opened.publishable_key,
        "headers": {"Origin": "https://shop.example", "X-Customer-Token": token},
    }


def _refuse(server: Server, times: int = 3) -> None:
    for _ in range(times):
        server.call("POST", "/v1/access/check", json={"customer": "ann", "feature": "early_access"})


def test_refusals_stand_among_a_customers_signals_with_their_evidence(eager: Server) -> None:
    """And in a sentence."""
    _refuse(eager)

    told = eager.call("GET", "/v1/customers/ann/signals").json()

    (signal,) = told["signals"]
    assert (signal["trigger"], signal["subject"], signal["evidence"]["count"]) == ("denied_access", "early_access", 3)
    assert signal["sentence"].startswith("Early access was asked for 3 times within 7 days")
    assert (told["denials"], told["held_back_by"]) == ({"early_access": 3}, [])


def test_an_incident_holds_offers_back_from_the_next_decision_on(eager: Server) -> None:
    """And lets them go as soon as it is ended."""
    _refuse(eager)
    assert eager.call("PUT", "/v1/signals/incident", json={"note": "checkout is down"}).json()["open"]

    held = eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()
    eager.call("DELETE", "/v1/signals/incident")
    free = eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()

    assert (held["offer"], held["reason"]) == (None, "incident")
    assert free["offer"]["target"] == "plus"
    assert eager.call("GET", "/v1/signals/incident").json()["open"] is False


def test_settings_read_back_and_what_cannot_be_meant_changes_nothing(eager: Server) -> None:
    """One refusal is enough where the business says so."""
    assert eager.call("PUT", "/v1/signals/settings", json={"denials": 1}).json()["settings"]["denials"] == 1
    refused = eager.call("PUT", "/v1/signals/settings", json={"denials": 0})
    _refuse(eager, 1)

    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_signal_settings")
    assert eager.call("GET", "/v1/signals/settings").json()["settings"]["denials"] == 1
    assert [each["trigger"] for each in eager.call("GET", "/v1/customers/ann/signals").json()["signals"]] == [
        "denied_access"
    ]


def test_feedback_is_kept_listed_and_heard(eager: Server) -> None:
    """A browser says it for its own customer; words that name what she does not have are a signal at once."""
    said = {"rating": 2, "about_kind": "service", "reason": "Nice, but I miss early access."}
    answer = eager.call("POST", "/v1/feedback", json=said, **_browser(eager, "ann"))
    eager.call("POST", "/v1/feedback", json={"customer": "bob", "rating": 10, "scale": 10})

    assert (answer.status_code, answer.json()["customer"]) == (201, "ann")
    assert [each["rating"] for each in eager.call("GET", "/v1/feedback").json()["items"]] == [10, 2]
    assert [each["customer"] for each in eager.call("GET", "/v1/feedback?customer=ann").json()["items"]] == ["ann"]
    assert eager.call("GET", "/v1/feedback/means").json()["items"] == [
        {"about_kind": "service", "about": "", "count": 2, "mean": 0.625}
    ]
    assert [
        (each["trigger"], each["subject"]) for each in eager.call("GET", "/v1/customers/ann/signals").json()["signals"]
    ] == [("missing_function", "early_access")]


def test_feedback_that_cannot_be_kept_is_refused(eager: Server) -> None:
    """And nothing of it is."""
    bad: list[dict[str, Any]] = [
        {"rating": 0},
        {"rating": 6},
        {"rating": 3, "reason": "x" * 2001},
        {"rating": 3, "reason": "a\0b"},
        {"rating": 3, "about_kind": "decision", "about": "dec_1"},
        {"rating": 3, "about_kind": "product", "about": "nothing"},
        {"rating": 3, "about_kind": "weather"},
    ]
    for said in bad:
        answer = eager.call("POST", "/v1/feedback", json={"customer": "ann", **said})
        assert answer.status_code in {404, 422}, (said, answer.text)

    assert eager.call("GET", "/v1/feedback").json()["items"] == []


def test_nobody_is_asked_twice_in_thirty_days_however_many_tabs_ask(eager: Server) -> None:
    """Looking takes no turn; of four that take it at once one does."""
    assert [eager.call("GET", "/v1/feedback/ask?customer=ann").json()["ask"] for _ in range(2)] == [True, True]

    turns = together(4, lambda _: eager.call("POST", "/v1/feedback/ask", json={"customer": "ann"}).json()["ask"])

    assert sorted(map(str, turns)) == ["False", "False", "False", "True"]
    assert eager.call("GET", "/v1/feedback/ask", **_browser(eager, "ann")).json()["reason"] == "asked_lately"
    assert eager.call("GET", "/v1/feedback/ask?customer=bob").json()["ask"] is True


def test_what_keeps_offers_away_keeps_questions_away(eager: Server) -> None:
    """And no turn is taken by asking in vain."""
    policies: dict[str, dict[str, Any]] = {
        "grace": {"first_days": 7},
        "no_consent": {**AT_ONCE, "consent": "offers"},
        "killed": {**AT_ONCE, "killed": ["feedback"]},
        "quiet_hours": {**AT_ONCE, "quiet_hours": {"start": "00:00", "end": "23:59"}},
    }
    for reason, policy in policies.items():
        answer = eager.call("PUT", "/v1/offers/policy", json=policy)
        assert answer.status_code == 200, answer.text
        asked = eager.call("POST", "/v1/feedback/ask", json={"customer": "bob"}).json()
        assert (asked["ask"], asked["reason"]) == (False, reason)

    eager.call("PUT", "/v1/offers/policy", json=AT_ONCE)
    assert eager.call("POST", "/v1/feedback/ask", json={"customer": "bob"}).json()["ask"] is True


def test_an_open_ticket_keeps_questions_away(eager: Server) -> None:
    """As soon as the worker has seen its event."""
    event = {"type": "ticket_opened", "customer": "bob", "source": "desk", "data": {"ticket": "7"}}
    assert eager.call("POST", "/v1/events", json=[{**event, "id": "1"}]).json()["accepted"] == 1
    _look(eager)

    assert eager.call("GET", "/v1/feedback/ask?customer=bob").json()["reason"] == "ticket_open"


def test_a_customer_is_told_which_data_led_to_an_offer(eager: Server) -> None:
    """The signal with its evidence, the model with its version, the features with their kind, the price's source, and what is held."""
    _score(eager, "propensity", 0.42)
    _refuse(eager)
    offer = eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()

    told = eager.call("GET", "/v1/customers/ann/transparency", **_browser(eager, "ann")).json()

    decision = told["decision"]
    assert (decision["id"], decision["offered"], decision["kind"]) == (offer["decision_id"], "plus", "plan")
    assert [(each["trigger"], each["evidence"]["count"]) for each in decision["signals"]] == [("denied_access", 3)]
    assert [(each["task"], each["version"]) for each in decision["models"]] == [("propensity", "v7")]
    assert {kind for each in decision["features"] for kind in each["personal_data"]} <= {
        "spending",
        "behaviour",
        "contract",
    }
    assert decision["features"]
    assert "price list" in decision["price_source"]
    assert any("Early access was asked for 3 times" in sentence for sentence in decision["sentences"])
    assert not any("expected to earn" in sentence for sentence in decision["sentences"])
    assert {each["key"] for each in told["held"]} > {"usage", "profile", "books"}


def test_nobody_is_told_of_another_customers_decisions(eager: Server) -> None:
    """Neither by naming the decision nor by naming the customer."""
    _refuse(eager)
    decision = eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()["decision_id"]

    by_decision = eager.call("GET", f"/v1/customers/bob/transparency?decision={decision}", **_browser(eager, "bob"))
    by_name = eager.call("GET", "/v1/customers/ann/transparency", **_browser(eager, "bob"))
    said = {"rating": 5, "about_kind": "decision", "about": decision}
    by_feedback = eager.call("POST", "/v1/feedback", json=said, **_browser(eager, "bob"))

    assert (by_decision.status_code, by_decision.json()["code"]) == (404, "decision_not_found")
    assert by_name.json()["code"] == "bad_customer_token"
    assert (by_feedback.status_code, by_feedback.json()["code"]) == (404, "decision_not_found")
    assert eager.call("POST", "/v1/feedback", json=said, **_browser(eager, "ann")).status_code == 201


def test_opting_out_holds_at_once_everywhere(eager: Server) -> None:
    """Scores go, the profile is empty, an offer answers only what she ran into herself, and an export of a guess has her no more."""
    _score(eager, "propensity", 0.9)
    before = eager.call("GET", "/v1/customers/ann/profile").json()
    assert (len(before["scores"]), bool(before["features"])) == (1, True)

    out = eager.call("PUT", "/v1/customers/ann/profiling", json={"allowed": False}, **_browser(eager, "ann"))
    assert out.json() == {"customer": "ann", "allowed": False}

    after = eager.call("GET", "/v1/customers/ann/profile").json()
    assert (after["profiling"], after["scores"], after["features"], after["segments"]) == (False, {}, {}, [])
    _score(eager, "propensity", 0.9)
    assert eager.call("GET", "/v1/customers/ann/profile").json()["scores"] == {}
    assert eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()["offer"] is None
    _refuse(eager)
    assert eager.call("POST", "/v1/decisions", json={"customer": "ann"}).json()["offer"]["target"] == "plus"
    told = eager.call("GET", "/v1/customers/ann/transparency").json()
    assert (told["profiling"]["allowed"], told["decision"]["used_profile"], told["decision"]["models"]) == (
        False,
        False,
        [],
    )

    eager.call("PUT", "/v1/customers/ann/profiling", json={"allowed": True})
    assert eager.call("GET", "/v1/customers/ann").json()["consents"] == []
    _score(eager, "propensity", 0.9)
    eager.call("PATCH", "/v1/customers/ann", json={"consents": ["no_profiling"]})
    eager.call("PATCH", "/v1/customers/ann", json={"consents": []})
    assert eager.call("GET", "/v1/customers/ann/profile").json()["scores"] == {}


def _now(server: Server) -> datetime:
    """What time it is for the shop."""
    return server.shop.opened.tenant.now(SystemClock().now())


def _score(server: Server, task: str, value: float) -> None:
    as_of = _now(server) - timedelta(minutes=1)
    with server.services.database.unit(server.shop.scope) as unit:
        ann = CustomerStore(unit).get("ann")
        document = {"reasons": [{"text": "orders often", "direction": "up", "weight": 1.0}]}
        scores = [Score(customer_id=ann.id, version="v7", as_of=as_of, value=value, document=document)]
        ScoreStore(unit).replace(task, scores)


def _look(server: Server) -> None:
    tend_signals(server.services.database, server.shop.scope, now=_now(server))
