"""Speaking SMTP: encrypted where asked, to a server that proves who it is, and knowing what is not known."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serving.mail.message import message_of
from serving.mail.server import Answer, Connection, Handed, MailServerAwayError, parse_server
from tests.serving.mail.mail_server import HANG_UP, Inbox, serve
from tests.serving.mail.test_message import MAIL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _hand_over(url: str) -> Handed:
    with Connection(parse_server(url)) as connection:
        return connection.hand_over(message_of(MAIL), sender="hello@shop.example", recipient="ann@mail.example")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail of a test")])
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    plain = serialization.PrivateFormat.PKCS8
    encoded = key.private_bytes(serialization.Encoding.PEM, plain, serialization.NoEncryption())
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + encoded)
    return file


@pytest.fixture(params=["smtps", "smtp+starttls"])
def secure(request: pytest.FixtureRequest, certificate: Path) -> Iterator[tuple[Inbox, str]]:
    """A server that asks for a password, encrypted from the start or after STARTTLS; and the URL without a password's end."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    def authenticator(
        _server: object, _session: object, _envelope: object, _mechanism: str, data: object
    ) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"ann", b"p@ss"), handled=False)  # type: ignore[attr-defined] # (aiosmtpd's LoginPassword)

    how = {"ssl": context} if request.param == "smtps" else {"tls_context": context, "require_starttls": True}
    always = {"authenticator": authenticator, "auth_required": True, "auth_require_tls": request.param != "smtps"}
    inbox = Inbox()
    for running in serve(inbox, **how, **always):
        yield running, f"{request.param}://ann:{{}}@127.0.0.1:{running.port}"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # inside TLS from the start, aiosmtpd does not see it
def test_mail_travels_encrypted_to_a_server_that_proves_itself(
    secure: tuple[Inbox, str], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the password it takes the mail; with another one it is said to be away, and so without its certificate being known."""
    inbox, url = secure
    with pytest.raises(MailServerAwayError, match="SSLCertVerificationError"):
        _hand_over(url.format("p%40ss"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))

    assert _hand_over(url.format("p%40ss")).answer is Answer.TAKEN
    assert inbox.recipients == ["ann@mail.example"]
    with pytest.raises(MailServerAwayError, match="SMTPAuthenticationError") as told:
        _hand_over(url.format("wrong"))
    assert "wrong" not in str(told.value)


def test_a_mail_whose_connection_breaks_on_its_way_is_nobodys_knowledge(inbox: Inbox) -> None:
    """The server may have it; the next mail goes over a new connection."""
    inbox.on_data = lambda number: HANG_UP if number == 1 else None
    with Connection(parse_server(inbox.url)) as connection:
        answers = [
            connection.hand_over(message_of(MAIL), sender="hello@shop.example", recipient="ann@mail.example").answer
            for _ in range(2)
        ]

    assert answers == [Answer.UNSURE, Answer.TAKEN]


@pytest.mark.parametrize(
    ("said", "answer"),
    [("451 4.3.0 later", Answer.LATER), ("554 5.7.1 spam", Answer.REFUSED), ("250 OK", Answer.TAKEN)],
)
def test_an_answer_to_the_mail_itself(inbox: Inbox, said: str, answer: Answer) -> None:
    """Later, never, or taken; a line that is one dot does not end the mail early."""
    inbox.on_data = lambda _: said

    assert _hand_over(inbox.url).answer is answer
    if answer is Answer.TAKEN:
        text = inbox.read().get_body(("plain",))
        assert text is not None
        assert text.get_content().splitlines() == MAIL.text.splitlines()
