"""One request to real servers that misbehave: it ends in time, reads little, follows nothing, and connects where it was checked."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from billing.webhooks.address import AddressRule
from billing.webhooks.post import MAX_EXCERPT, HttpPost, Reply
from tests.billing.webhooks.receiver import receiving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.billing.webhooks.receiver import Receiver

LOCAL = AddressRule(allow_http=True, allow_private=True)
PUBLIC = AddressRule(allow_http=True)
HERE = "127.0.0.1"


def send(url: str, rule: AddressRule = LOCAL, **options: Any) -> Reply:
    """A message to an address."""
    return HttpPost(rule, **options)(url, {"webhook-id": "evt_1"}, b"{}")


def test_a_message_arrives_as_it_was_sent(receiver: Receiver) -> None:
    """Its body, its headers and no others but those that HTTP needs."""
    reply = send(receiver.url("/ok?a=b"))

    assert (reply.status, reply.error, reply.excerpt, reply.is_success) == (200, None, "noted", True)
    (request,) = receiver.received
    assert (request.path, request.body) == ("/ok?a=b", b"{}")
    assert request.headers == {
        "host": f"{HERE}:{receiver.port}",
        "content-length": "2",
        "connection": "close",
        "webhook-id": "evt_1",
    }


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_a_refusal_is_told_with_its_status(receiver: Receiver, status: int) -> None:
    """And is no success."""
    receiver.answer_with("/ok", status)
    reply = send(receiver.url())
    assert (reply.status, reply.error, reply.is_success) == (status, "refused", False)


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    """Neither inside nor anywhere else."""
    reply = send(receiver.url("/away"))
    assert (reply.status, reply.error, reply.is_success) == (302, "redirected", False)
    assert receiver.on("/inside") == []


def test_retry_after_is_read_as_seconds(receiver: Receiver) -> None:
    """Or as a date by the endpoint's own clock."""
    assert send(receiver.url("/later")).retry_after == timedelta(hours=2)
    assert send(receiver.url("/later-by-date")).retry_after == timedelta(minutes=10)


def test_a_huge_answer_is_not_read_through(receiver: Receiver) -> None:
    """The start of it is kept."""
    reply = send(receiver.url("/huge"))
    assert reply.is_success
    assert reply.excerpt == "h" * MAX_EXCERPT


def test_what_cannot_be_shown_is_not_kept(receiver: Receiver) -> None:
    """No NUL, no escape; every engine stores the excerpt."""
    assert send(receiver.url("/binary")).excerpt == " \N{REPLACEMENT CHARACTER} no [31m"


@pytest.mark.parametrize("path", ["/drip", "/drip-body"])
def test_a_byte_at_a_time_does_not_stretch_the_time(receiver: Receiver, path: str) -> None:
    """A second in all: a head that does not end is no answer; after a head, the body may do as it likes."""
    started = time.monotonic()

    reply = send(receiver.url(path), timeout_seconds=1)

    assert time.monotonic() - started < 5
    assert (reply.status, reply.error) == ((None, "timed_out") if path == "/drip" else (200, None))


def test_who_hangs_up_or_is_not_there_gave_no_answer(receiver: Receiver) -> None:
    """The one in the middle of it, the other before."""
    assert send(receiver.url("/close")).error == "broken_answer"
    with receiving() as gone:
        address = gone.url()
    assert send(address).error == "connection_failed"


@pytest.mark.parametrize("found", [[HERE], ["169.254.169.254"], ["::1"], ["::ffff:127.0.0.1"], ["8.8.8.8", "10.0.0.1"]])
def test_a_name_that_leads_inside_is_refused(receiver: Receiver, found: list[str]) -> None:
    """Even if only one of its addresses does; nothing is connected to."""
    url = f"http://shop.example:8080{'/ok'}"
    assert send(url, PUBLIC, lookup=lambda _host, _port: found).error == "address_refused"
    assert receiver.received == []


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    """The machine's own resolver reads them."""
    assert send(f"http://{host}:8080/", PUBLIC).error in {"address_refused", "name_not_resolved"}


def test_a_name_that_changes_its_mind_gains_nothing(receiver: Receiver) -> None:
    """It is asked once a request, and the connection goes to what was checked; `Host` is still the name's."""
    asked: list[str] = []

    def lookup(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [HERE]

    assert send(receiver.url("/ok", "rebinding.example"), lookup=lookup).is_success
    assert asked == ["rebinding.example"]
    assert receiver.received[0].headers["host"] == f"rebinding.example:{receiver.port}"


def test_a_name_that_is_not_known_is_told_apart() -> None:
    """From addresses that are refused."""

    def lookup(_host: str, _port: int) -> list[str]:
        raise OSError

    assert send("http://nowhere.example/", lookup=lookup).error == "name_not_resolved"
    assert send("http://nowhere.example/", lookup=lambda _host, _port: []).error == "name_not_resolved"


def test_the_next_address_is_tried_when_the_first_does_not_answer(receiver: Receiver) -> None:
    """127.0.0.2 is nobody."""
    reply = send(receiver.url("/ok", "two.example"), lookup=lambda _host, _port: ["127.0.0.2", HERE])
    assert reply.is_success


def test_the_certificate_is_the_names(tmp_path: Path) -> None:
    """SNI and the check of the certificate go by the name, not by the address; a stranger's is refused."""
    server_side, client_side = _certified(tmp_path, "shop.example")
    seen: list[str | None] = []
    server_side.sni_callback = lambda _socket, name, _context: seen.append(name)
    with receiving(server_side) as receiver:
        options: dict[str, Any] = {"lookup": lambda _host, _port: [HERE], "trust": client_side}
        assert send(receiver.url("/ok", "shop.example"), **options).is_success
        assert send(receiver.url("/ok", "other.example"), **options).error == "connection_failed"
        untrusting = {"lookup": options["lookup"]}
        assert send(receiver.url("/ok", "shop.example"), **untrusting).error == "connection_failed"
    assert seen == ["shop.example", "other.example", "shop.example"]
    assert len(receiver.received) == 1


def _certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Both sides of a connection to a name whose certificate signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("9.9.9.9"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    encoding = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / "server.pem"
    file.write_bytes(key.private_bytes(*encoding) + pem)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(file)
    return server_side, ssl.create_default_context(cadata=pem.decode())
