"""The whole journey over HTTP and the command line: from raw files to a billed upgrade, as a business would walk it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from serving.tokens import sign
from tests.e2e import catalogue
from tests.e2e.client import Client
from tests.e2e.server import Server, serving
from tests.e2e.walk import CUSTOMERS, DAYS, OPENED, ORIGIN, SEED, Walk
from training.jobs import JOBS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.installation import Installation

_MONTH_AND_TWO_DAYS = datetime(2025, 10, 1, 8, tzinfo=UTC)
_SWAP_SECONDS = 20.0


@pytest.mark.timeout(180)
def test_from_raw_files_to_a_billed_upgrade(installation: Installation, tmp_path: Path) -> None:
    """Import, train, recommend, deny, offer, accept, bill: every step is checked from outside, and the money to the cent."""
    installation.ask("db", "upgrade")
    keys = installation.ask("tenants", "create", "Shop", "--test", "--clock", OPENED.isoformat(), "--origin", ORIGIN)
    with serving(installation) as server, Client(server.address, keys["secret_key"]) as client:
        walk = Walk(installation, client, server.address, keys["tenant"], keys["publishable_key"], tmp_path / "shop")
        _bring_in(walk)
        _train(walk)
        _recommend(walk)
        _know(walk)
        subscription = _subscribe(walk)
        _deny(walk)
        _experiment(walk)
        _offer_nothing_to_the_holdout(walk)
        offer = _offer_and_accept(walk, subscription)
        _bill(walk, offer)
        _report(walk)
        _hand_out(walk)
        _refuse(walk, keys)
        _measure(walk)
        _swap(walk)
        _end(server)


def _bring_in(walk: Walk) -> None:
    """Catalogue and customers over HTTP, purchases and usage from files; the counts add up to the files."""
    walk.installation.ask(
        "simulate", walk.files, "--customers", str(CUSTOMERS), "--days", str(DAYS), "--seed", str(SEED)
    )
    catalogue.publish(walk.client)
    products = [
        {
            "key": row["item"],
            "name": row["name"],
            "category": row["category"],
            "price": {"amount": row["price"], "currency": row["currency"]},
            "cost": {"amount": row["cost"], "currency": row["currency"]},
            "buyable": row["item"] != walk.favourite,
        }
        for row in walk.rows("products.csv")
    ]
    assert walk.client.post("/v1/products", products) == {"stored": len(products)}
    for row in walk.rows("customers.csv"):
        known = {
            "key": row["customer"],
            "name": row["name"],
            "email": row["email"],
            "consents": row["consents"].split(),
        }
        walk.client.post("/v1/customers", known)

    purchases = walk.command("import", "purchases", walk.files / "purchases.csv")
    usage = walk.command("import", "usage", walk.files / "usage.jsonl")

    assert purchases["total"] == purchases["kept"] == purchases["stored"] == sum(1 for _ in walk.rows("purchases.csv"))
    assert usage["accepted"] == len((walk.files / "usage.jsonl").read_text().splitlines())
    assert (usage["duplicates"], usage["rejected"]) == (0, [])


def _train(walk: Walk) -> None:
    """Every task reports; the recommender beats its baselines and is promoted."""
    reports = {report["task"]: report for report in walk.command("train")["reports"]}

    assert set(reports) == set(JOBS)
    assert all(report["reason"] for report in reports.values())
    assert reports["segments"]["promoted"]
    assert (reports["recommender"]["promoted"], reports["recommender"]["version"]) == (True, "v0001")


def _recommend(walk: Walk) -> None:
    """Personal and new to a known customer, popular to a stranger, and never what is not for sale."""
    known = walk.client.get("/v1/recommendations", customer=walk.shopper, placement="home", k=10)
    shown = {item["item"] for item in known["items"]}

    assert (known["level"], known["model"], len(shown)) == ("personal", "v0001", 10)
    assert not shown & (walk.owned[walk.shopper] | {walk.favourite})
    assert all(item["reasons"] for item in known["items"])

    stranger = walk.client.get("/v1/recommendations", customer="nobody-knows-me", k=10)
    assert (stranger["level"], len(stranger["items"])) == ("trending", 10)
    assert walk.favourite not in {item["item"] for item in stranger["items"]}

    token = sign(walk.client.get("/v1/signing-secret")["signing_secret"], walk.shopper, now=datetime.now(UTC))
    with Client(walk.address, walk.publishable_key, **{"Origin": ORIGIN, "X-Customer-Token": token}) as browser:
        assert browser.get("/v1/recommendations", k=10)["items"] == known["items"]


def _know(walk: Walk) -> None:
    """The profile names the customer's segment, and the segments' sizes add up to the customers who bought."""
    profile = walk.client.get(f"/v1/customers/{walk.shopper}/profile")
    segments = walk.client.get("/v1/segments")["items"]

    assert profile["segments"][0]["key"] in {segment["key"] for segment in segments}
    assert sum(segment["size"] for segment in segments) >= len(walk.owned)


def _subscribe(walk: Walk) -> str:
    """Both customers take Starter, and ten days later both have had five deliveries."""
    if walk.held_out not in walk.owned:
        walk.client.post("/v1/customers", {"key": walk.held_out})
    started = [
        walk.client.post("/v1/subscriptions", {"customer": key, "plan": "starter"})
        for key in (walk.shopper, walk.held_out)
    ]
    walk.at(OPENED + timedelta(days=10))
    events = [
        {"id": f"{key}-{number}", "source": "journey", "type": "deliveries", "customer": key}
        for key in (walk.shopper, walk.held_out)
        for number in range(5)
    ]
    assert walk.client.post("/v1/events", events)["accepted"] == len(events)
    return str(started[0]["id"])


def _deny(walk: Walk) -> None:
    """Starter has no early access; the answer says why and what would unlock it."""
    questions = [{"customer": key, "feature": "early_access"} for key in (walk.shopper, walk.held_out)]
    for denied in walk.client.post("/v1/access/check", questions):
        assert (denied["allowed"], denied["reason"]) == (False, "not_in_plan")
        assert denied["unlock"][0]["plan"] == "plus"
        assert denied["unlock"][0]["price"] == {"amount": "19.00", "currency": "EUR"}


def _experiment(walk: Walk) -> None:
    """Words on the banner are put to the test; the plan is frozen with its digest. Nothing is left to chance otherwise."""
    put = walk.client.raw("PUT", "/v1/offers/policy", json={"explore": 0})
    assert put.status_code == 200, put.text
    arms = [{"key": "plain"}, {"key": "warm", "treatment": {"message": "Made for you."}}]
    asked = {"key": "words", "placement": "home", "arms": arms, "primary": {"key": "revenue"}}
    walk.client.post("/v1/experiments", asked)
    started = walk.client.post("/v1/experiments/words/start")

    assert (started["status"], len(started["plan_digest"])) == ("running", 64)
    assert walk.client.raw("PUT", "/v1/experiments/words", json={**asked, "coverage": 0.5}).status_code in {409, 422}
    assert walk.client.get("/v1/experiments/words/assignment", customer=walk.shopper)["arm"] in {"plain", "warm"}


def _offer_nothing_to_the_holdout(walk: Walk) -> None:
    """The same signals, no offer, and what would have been shown is kept for the report."""
    decision = walk.client.post("/v1/decisions", {"customer": walk.held_out, "placement": "home"})
    kept = walk.client.get(f"/v1/decisions/{decision['decision_id']}")

    assert (decision["offer"], decision["reason"]) == (None, "holdout")
    assert (kept["quote"], kept["trace"]["would_have_shown"]["target"]) == (None, "plus")


def _offer_and_accept(walk: Walk, subscription: str) -> dict[str, Any]:
    """The plan that unlocks what was refused, at the price a change costs now; accepting it widens access at once."""
    preview = walk.client.post(f"/v1/subscriptions/{subscription}/change", {"target": "plus", "preview": True})
    decision = walk.client.post("/v1/decisions", {"customer": walk.shopper, "placement": "home"})
    offer: dict[str, Any] = decision["offer"]
    assert (decision["reason"], offer["target"]) == ("feature_denied", "plus")
    assert (offer["quote"]["total"], offer["quote"]["lines"]) == (preview["total"], preview["lines"])

    outcome = f"/v1/decisions/{decision['decision_id']}/outcome"
    assert walk.client.post(outcome, {"kind": "impression"})["recorded"]
    accepted = walk.client.post(outcome, {"kind": "accept"})

    assert (accepted["plan"], accepted["total"]) == ("plus", offer["quote"]["total"])
    assert walk.client.post("/v1/access/check", {"customer": walk.shopper, "feature": "early_access"})["allowed"]
    return offer


def _bill(walk: Walk, offer: dict[str, Any]) -> None:
    """The month closes: the invoice carries the quoted lines to the cent, it is paid, and the books sum to nothing."""
    assert walk.at(_MONTH_AND_TWO_DAYS)["invoices_issued"] == 2
    invoices = walk.client.get("/v1/invoices", customer=walk.shopper)["items"]
    second, first = (walk.client.get(f"/v1/invoices/{invoice['id']}") for invoice in invoices)
    changes = [line for line in second["lines"] if line["kind"] == "change"]
    fees = [line["amount"]["amount"] for line in second["lines"] if line["kind"] == "recurring"]

    assert (first["status"], first["total"]["amount"], second["status"]) == ("issued", "9.00", "issued")
    assert [line["amount"] for line in changes] == [line["amount"] for line in offer["quote"]["lines"]]
    assert {line["quote_id"] for line in changes} == {offer["quote"]["id"]}
    assert _sum(changes) == Decimal(offer["quote"]["total"]["amount"])
    assert fees == ["19.00"]
    assert _sum(second["lines"]) == Decimal(second["total"]["amount"])

    paid = walk.client.post(f"/v1/invoices/{second['id']}/payments", {"reference": "transfer-1"})
    books = walk.client.get("/v1/ledger/balances")
    assert paid["status"] == "paid"
    assert books["net"] == [{"amount": "0.00", "currency": "EUR"}]


def _report(walk: Walk) -> None:
    """Who saw the offer is a unit of the experiment, once; results are masked and say so, and the holdout was counted beside."""
    report = walk.client.get("/v1/experiments/words/report")
    period = {"from": OPENED.isoformat(), "to": _MONTH_AND_TWO_DAYS.isoformat()}
    programme = walk.client.get("/v1/reports/programme", **period)["items"][0]
    told = walk.client.get(f"/v1/customers/{walk.shopper}/transparency")

    assert (sum(report["units"].values()), report["is_masked"]) == (1, True)
    assert (programme["offer"], programme["offered"], programme["held_out"]) == ("programme", 1, 1)
    assert (programme["state"], programme["incremental_revenue"]) == ("too_early", None)
    assert "words" in str(told)


def _hand_out(walk: Walk) -> None:
    """An export holds those who consented; they and the others add up to the segment, over HTTP and from the command line."""
    segment = walk.client.get("/v1/segments")["items"][0]
    answer = walk.client.raw("GET", f"/v1/segments/{segment['key']}/export", params={"format": "csv"})
    written = walk.command("export", "segment", segment["key"], "--output", walk.files / "segment.jsonl")

    included = int(answer.headers["X-Included"])
    assert 0 < included == len(answer.text.splitlines()) - 1 == written["included"]
    assert included + sum(written["excluded"].values()) == segment["size"]
    assert len((walk.files / "segment.jsonl").read_text().splitlines()) == included


def _refuse(walk: Walk, keys: dict[str, str]) -> None:
    """Nobody is 401, a stranger's key finds nothing of ours, and a browser's key stays on its pages."""
    other = walk.installation.ask("tenants", "create", "Other")
    invoice = walk.client.get("/v1/invoices", customer=walk.shopper)["items"][0]["id"]
    for path in (f"/v1/customers/{walk.shopper}", f"/v1/invoices/{invoice}"):
        with Client(walk.address) as nobody, Client(walk.address, other["secret_key"]) as foreign:
            assert nobody.raw("GET", path).status_code == 401
            assert foreign.raw("GET", path).status_code == 404
    with Client(walk.address, keys["publishable_key"], Origin="https://elsewhere.example") as browser:
        assert browser.raw("GET", "/v1/recommendations").status_code == 403


def _measure(walk: Walk) -> None:
    """The server's metrics count what this journey did."""
    counted = dict(
        line.rsplit(" ", 1) for line in walk.client.raw("GET", "/metrics").text.splitlines() if line[0] != "#"
    )
    assert float(counted['uptier_events_total{result="accepted"}']) == 10
    assert float(counted['uptier_access_total{reason="not_in_plan"}']) == 2
    assert float(counted['uptier_decisions_total{reason="feature_denied"}']) == 1
    assert float(counted['uptier_decisions_total{reason="holdout"}']) == 1
    assert float(counted['uptier_recommendations_total{level="personal"}']) == 2


def _swap(walk: Walk) -> None:
    """A newly trained model and the return to the old one reach the running server by themselves."""
    (report,) = walk.command("train", "recommender", "--seed", "1")["reports"]
    assert report["version"] == "v0002"
    walk.command("models", "promote", "recommender", "v0002", "--reason", "checked by eye")
    _wait_for_model(walk, "v0002")

    walk.command("models", "rollback", "recommender")
    _wait_for_model(walk, "v0001")


def _wait_for_model(walk: Walk, version: str) -> None:
    give_up_at = time.monotonic() + _SWAP_SECONDS
    while (answered := walk.client.get("/v1/recommendations", customer=walk.shopper)["model"]) != version:
        assert time.monotonic() < give_up_at, f"still answered by {answered}"
        time.sleep(0.1)


def _end(server: Server) -> None:
    """Asked to end, the server does so in order, and its log holds no error."""
    assert server.stop() == 0
    assert "Traceback" not in server.log()


def _sum(lines: list[dict[str, Any]]) -> Decimal:
    return sum((Decimal(line["amount"]["amount"]) for line in lines), Decimal(0))
