"""Handing out a segment over HTTP: the manifest tells the file, nobody goes out who must not, and a button in a mail ends it at once."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import time
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.webhooks.post import Reply
from features.offers.change import put_policy
from features.offers.policy import OfferPolicy, QuietHours
from features.segments.store import Segment, SegmentStore
from serving.jobs.deliver import deliver_due
from serving.predict.segment_export import remove_expired
from serving.unsubscribe import Subject, sign
from tests.shop import START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.serving.api.conftest import Server

PEOPLE = {
    "cy": ("cy@mail.example", ("marketing",)),
    "dora": ("dora@mail.example", ("marketing",)),
    "=eve": ("eve@mail.example", ("marketing",)),
    "finn": ("finn@mail.example", ()),
    "gil": ("", ("marketing",)),
}
on_one_engine = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what no engine has a part in."""


@pytest.fixture
def segment(server: Server) -> str:
    """Five members: two who cannot be written to, and one whose key a spreadsheet would run."""
    server.services.settings.public_url = "https://billing.shop.example/"
    with server.services.database.unit(server.shop.scope) as unit:
        customers = [
            Customer(id=new_id("cus"), key=key, created_at=START, name=key.title(), email=email, consents=consents)
            for key, (email, consents) in PEOPLE.items()
        ]
        for customer in customers:
            CustomerStore(unit).add(customer)
        found = Segment(key="c1", name="Regulars", version="v1", as_of=START, profile={})
        SegmentStore(unit).replace([found], {customer.id: "c1" for customer in customers})
        dora = CustomerStore(unit).get("dora")  # who opted out of profiling after she was placed
        CustomerStore(unit).update(replace(dora, consents=("marketing", "no_profiling")))
    return "c1"


def _export(server: Server, **body: Any) -> dict[str, Any]:
    answer = server.call("POST", "/v1/segments/c1/exports", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _rows(server: Server, export: Mapping[str, Any]) -> list[dict[str, Any]]:
    file = server.call("GET", f"/v1/exports/{export['id']}/file")
    assert file.status_code == 200, file.text
    return [json.loads(line) for line in file.content.splitlines()]


def _keys(server: Server) -> list[str]:
    return [row["key"] for row in _rows(server, _export(server, format="jsonl"))]


def _link(server: Server, key: str, purpose: str = "marketing") -> str:
    (row,) = [
        row
        for row in _rows(server, _export(server, format="jsonl", purpose=purpose, fields=["unsubscribe_url"]))
        if row["key"] == key
    ]
    return str(row["unsubscribe_url"]).removeprefix("https://billing.shop.example")


def test_the_manifest_tells_the_file(server: Server, segment: str) -> None:
    """Its checksum, size and rows are those of what is downloaded, in each format; the record can be read again and listed."""
    for file_format in ("csv", "jsonl", "parquet"):
        export = _export(server, format=file_format, fields=["key", "name", "email", "country"])
        file = server.call("GET", f"/v1/exports/{export['id']}/file")

        assert hashlib.sha256(file.content).hexdigest() == export["sha256"] == file.headers["X-Checksum-Sha256"]
        assert len(file.content) == export["bytes"]
        assert (export["included"], export["excluded"]) == (3, {"no_consent": 1, "no_address": 1})
        assert export["fields"] == ["key", "name", "email", "country"]
        assert export["asked_by"] == server.call("GET", "/v1/api-keys").json()["items"][0]["id"]
        shown = server.call("GET", f"/v1/exports/{export['id']}").json()
        assert shown == {name: value for name, value in export.items() if name != "messages"}
        if file_format == "csv":
            assert file.content.decode().splitlines()[:2] == [
                "key,name,email,country",
                "'=eve,'=Eve,eve@mail.example,",
            ]
        if file_format == "parquet":
            assert pq.read_table(io.BytesIO(file.content)).column("key").to_pylist() == ["=eve", "cy", "dora"]
    listed = server.call("GET", f"/v1/segments/{segment}/exports").json()["items"]
    assert [each["format"] for each in listed] == ["parquet", "jsonl", "csv"]
    assert server.call("GET", "/v1/exports").json()["items"] == listed


@on_one_engine
def test_the_file_of_a_get_is_on_record_too(server: Server, segment: str) -> None:
    """As it was before there were manifests; for analytics it names nobody."""
    answer = server.call("GET", f"/v1/segments/{segment}/export")
    nameless = server.call("GET", f"/v1/segments/{segment}/export", params={"purpose": "analytics", "channel": "file"})

    assert answer.headers["X-Included"] == "3"
    assert json.loads(answer.headers["X-Excluded"]) == {"no_consent": 1, "no_address": 1}
    assert answer.text.splitlines()[0] == "key,name,email,country"
    assert nameless.text.splitlines() == ["key,country", "'=eve,", "cy,", "dora,", "finn,", "gil,"]
    assert server.call("GET", f"/v1/exports/{answer.headers['X-Export']}").json()["included"] == 3


@on_one_engine
def test_what_cannot_be_asked_for(server: Server, segment: str) -> None:
    """Fields off the list, personal ones for analytics, odd purposes, an unknown segment, a push of no endpoint: nothing is written."""
    path = f"/v1/segments/{segment}/exports"
    for body, status, code in (
        ({"fields": ["address"]}, 422, "invalid_export_field"),
        ({"purpose": "analytics", "fields": ["email"]}, 422, "invalid_export_field"),
        ({"purpose": "a b"}, 422, "invalid_contact"),
        ({"deliver": {"webhook": "whe_1"}}, 422, "invalid_export_format"),
        ({"deliver": {"webhook": "whe_1"}, "format": "jsonl"}, 404, "webhook_endpoint_not_found"),
    ):
        answer = server.call("POST", path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert server.call("POST", "/v1/segments/c9/exports", json={}).status_code == 404
    assert server.call("GET", "/v1/exports/exp_1").status_code == 404
    assert server.call("GET", "/v1/exports").json()["items"] == []
    assert not list((server.services.settings.home / "exports").rglob("*.*"))


@on_one_engine
def test_asking_twice_with_one_key_is_one_export(server: Server, segment: str) -> None:
    """The answer is the first one's, and no second file stays."""
    headers = {"Idempotency-Key": "march"}
    first, again = (server.call("POST", f"/v1/segments/{segment}/exports", json={}, headers=headers) for _ in range(2))

    assert first.json() == again.json()
    assert len(list((server.services.settings.home / "exports").rglob("*.csv"))) == 1


def test_the_button_in_a_mail_ends_it_at_once_and_opening_the_link_does_not(server: Server, segment: str) -> None:
    """As a mail program does it: one POST without cookies or log-in, and the next export leaves them out. Twice is once."""
    server.call("POST", "/v1/webhook-endpoints", json={"url": "https://shop.example/hooks"})
    link = _link(server, "cy")
    opened = server.client.get(link)
    assert (opened.status_code, opened.headers.get("set-cookie")) == (200, None)
    assert "Bean Street" in opened.text
    assert "cy" in _keys(server)

    for _ in range(2):
        pressed = server.client.post(link, data={"List-Unsubscribe": "One-Click"})
        assert pressed.status_code == 200

    export = _export(server, format="jsonl")
    assert [row["key"] for row in _rows(server, export)] == ["=eve", "dora"]
    assert export["excluded"] == {"no_consent": 1, "unsubscribed": 1, "no_address": 1}
    contact = server.call("GET", "/v1/customers/cy/contact").json()
    assert (contact["allowed"], contact["reason"], contact["consents"]) == (False, "unsubscribed", ["marketing"])
    assert len(contact["suppressions"]) == 1
    assert server.call("GET", "/v1/customers/cy/contact", params={"channel": "sms"}).json()["allowed"]
    told = [row["data"] for row in _delivered(server) if row["type"] == "contact.unsubscribed"]
    assert told == [{"channel": "email", "customer": "cy", "purpose": "marketing"}]


def _delivered(server: Server) -> list[dict[str, Any]]:
    bodies: list[dict[str, Any]] = []

    def post(url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        del url, headers
        bodies.append(json.loads(body))
        return Reply(status=200)

    deliver_due(server.services, post=lambda _tenant: post)
    return bodies


@on_one_engine
def test_ending_more_than_a_channel_withdraws_the_consent(server: Server, segment: str) -> None:
    """A purpose everywhere, or everything; that somebody wants nothing personal is no consent and stays."""
    links = {key: _link(server, key) for key in ("=eve", "dora")}
    server.client.post(links["=eve"], data={"reach": "purpose"})
    server.client.post(links["dora"], data={"reach": "everything"})

    eve, dora = (server.call("GET", f"/v1/customers/{key}/contact").json() for key in ("=eve", "dora"))
    assert (eve["consents"], dora["consents"]) == ([], ["no_profiling"])
    assert [(each["channel"], each["purpose"]) for each in eve["suppressions"]] == [("*", "marketing")]
    assert [(each["channel"], each["purpose"]) for each in dora["suppressions"]] == [("*", "*")]
    assert _keys(server) == ["cy"]


@on_one_engine
def test_a_link_is_nobodys_guess_and_outlives_the_secret(server: Server, segment: str) -> None:
    """Changed anywhere, cut short or signed elsewhere it is one and the same answer; after a change of the secret it works on."""
    link = _link(server, "cy")
    token = link.removeprefix("/u/")
    foreign = sign(b"other", Subject(tenant_id="t", customer_id="c", purpose="marketing", channel="email"))
    swapped = "B" if token[5] != "B" else "C"
    answers = {
        (answer.status_code, answer.text)
        for wrong in ("x", token[:-1], token[:5] + swapped + token[6:], foreign, "é.é", "a" * 3000, "a.b.c")
        for answer in (server.client.get(f"/u/{wrong}"), server.client.post(f"/u/{wrong}"))
    }
    assert [status for status, _ in answers] == [404]

    old = sign(b"the one before", _subject(server, "cy"))
    server.services.settings.previous_secrets = (SecretStr("the one before"),)
    assert server.client.post(f"/u/{old}").status_code == 200
    assert "cy" not in _keys(server)


def _subject(server: Server, key: str) -> Subject:
    with server.services.database.view(server.shop.scope) as unit:
        customer = CustomerStore(unit).get(key)
    return Subject(tenant_id=server.shop.scope.tenant_id, customer_id=customer.id, purpose="marketing", channel="email")


@on_one_engine
def test_people_are_left_alone_by_hand_and_again_reached(server: Server, segment: str) -> None:
    """A bounce that a mail service tells, and its end."""
    made = server.call("POST", "/v1/customers/cy/suppressions", json={"reason": "bounced"})
    assert (made.status_code, made.json()["new"]) == (201, True)
    assert not server.call("POST", "/v1/customers/cy/suppressions", json={"reason": "bounced"}).json()["new"]
    assert _export(server)["excluded"]["bounced"] == 1

    ended = server.call("DELETE", "/v1/customers/cy/suppressions/email/*")

    assert [each["reason"] for each in ended.json()["ended"]] == ["bounced"]
    assert "cy" in _keys(server)
    assert server.call("DELETE", "/v1/customers/cy/suppressions/email/*").status_code == 404
    assert server.call("POST", "/v1/customers/cy/suppressions", json={"channel": "a b"}).status_code == 422


def test_the_policy_holds_in_exports(server: Server, segment: str) -> None:
    """In quiet hours and in the holdout nobody is handed out, analytics apart; the manifest's hash says that the rules were others."""
    before = _export(server)
    with server.services.database.unit(server.shop.scope) as unit:
        put_policy(unit, OfferPolicy(quiet=QuietHours(start=time(0), end=time(23, 59, 59))), now=START)
    quiet = _export(server)
    with server.services.database.unit(server.shop.scope) as unit:
        put_policy(unit, OfferPolicy(holdout_per_ten_thousand=10_000), now=START)
    held = _export(server)

    assert (quiet["included"], quiet["excluded"]["quiet_hours"]) == (0, 3)
    assert (held["included"], held["excluded"]["holdout"]) == (0, 3)
    assert _export(server, purpose="analytics", channel="file")["included"] == 5
    assert len({each["policy_sha256"] for each in (before, quiet, held)}) == 3


def test_a_push_carries_the_rows_without_those_who_left_meanwhile(server: Server, segment: str) -> None:
    """Signed and in order like every message: the rows, then the manifest. What is queued holds nobody's data."""
    endpoint = server.call("POST", "/v1/webhook-endpoints", json={"url": "https://shop.example/hooks"}).json()
    fields = ["key", "email", "unsubscribe_url"]
    export = _export(server, format="jsonl", fields=fields, deliver={"webhook": endpoint["id"]})
    assert export["messages"] == 2
    server.client.post(_link(server, "cy"))
    assert server.call("DELETE", "/v1/customers/=eve").status_code == 200

    part, done = [each for each in _delivered(server) if each["type"].startswith("segment.export")]

    assert part["type"] == "segment.export.part"
    assert [row["key"] for row in part["data"]["rows"]] == ["dora"]
    assert set(part["data"]["rows"][0]) == set(fields)
    assert (part["data"]["part"], part["data"]["of"], part["data"]["withdrawn"]) == (1, 1, 2)
    assert (done["type"], done["data"]["sha256"]) == ("segment.export.done", export["sha256"])


@on_one_engine
def test_files_go_when_their_time_is_over_or_somebody_in_them_was_erased(server: Server, segment: str) -> None:
    """The manifest stays, the file is said to be gone."""
    export = _export(server)
    assert server.call("DELETE", "/v1/customers/cy").status_code == 200

    gone = server.call("GET", f"/v1/exports/{export['id']}/file")

    assert (gone.status_code, gone.json()["code"]) == (404, "export_gone")
    assert server.call("GET", f"/v1/exports/{export['id']}").json()["sha256"] == export["sha256"]
    assert remove_expired(server.services, server.shop.scope, now=START) == 0  # too young: it may be on its way
    assert _export(server)["included"] == 2


def test_content_is_composed_for_each_and_counts_as_shown(server: Server, segment: str) -> None:
    """Items and an offer at its price; without profiling, of those who do not want it, with it of the others."""
    with server.services.database.unit(server.shop.scope) as unit:
        put_policy(unit, OfferPolicy(first_days=0, explore=0.0), now=START)
    price = {"amount": "4.00", "currency": "EUR"}
    teas = [{"key": f"tea{number}", "name": f"Tea {number}", "price": price} for number in range(3)]
    assert server.call("POST", "/v1/products", json=teas).status_code == 201
    for key in ("cy", "dora"):
        assert server.call("POST", "/v1/subscriptions", json={"customer": key, "plan": "starter"}).status_code == 201
        events = [{"id": f"{key}-{number}", "type": "delivery", "customer": key} for number in range(3)]
        assert server.call("POST", "/v1/events", json=events).json()["accepted"] == 3
    fields = ["items", "offer", "level"]

    rows = {row["key"]: row for row in _rows(server, _export(server, format="jsonl", fields=fields, items=2))}

    assert set(rows) == {"=eve", "cy", "dora"}
    dora = server.call("GET", f"/v1/decisions/{rows['dora']['offer']['decision']}").json()
    assert dora["trace"]["profiling"] is False
    assert rows["=eve"]["offer"] is None  # no subscription to improve
    offer = rows["cy"]["offer"]
    assert (offer["target"], offer["recurring"], offer["currency"]) == ("plus", "19.00", "EUR")
    decision = server.call("GET", f"/v1/decisions/{offer['decision']}").json()
    assert (decision["customer"], decision["placement"]) == ("cy", "email")
    assert [len(row["items"]) for row in rows.values()] == [2, 2, 2]
    first = rows["cy"]["items"][0]
    assert {first["item"]: first["name"]}.items() <= {tea["key"]: tea["name"] for tea in teas}.items()
    assert (first["amount"], first["currency"], first["reason"]) == ("4.00", "EUR", "new in the shop")
    flat = server.call("GET", f"/v1/exports/{_export(server, fields=fields, items=2)['id']}/file").text.splitlines()
    assert flat[0].startswith("key,item_1,item_1_name,item_1_amount,item_1_currency,item_1_reason,item_2,")
    shown = server.call("POST", "/v1/decisions", json={"customer": "cy", "placement": "home"}).json()
    assert shown["offer"] is None  # the mail has used up what one person may be shown
    server.client.post(_link(server, "cy"))
    left = server.call("POST", "/v1/decisions", json={"customer": "cy", "placement": "email"}).json()
    assert (left["offer"], left["reason"]) == (None, "no_consent")
