"""What a mail's headers are: whole addresses, one click, and no line that somebody else wrote."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.mail.message import HeaderError, Mail, message_of, sender_of
from serving.mail.server import MailServerError, parse_server

URL = "https://billing.shop.example/u/" + "aZ09-_" * 60
MAIL = Mail(
    sender="Bean Street <hello@shop.example>",
    recipient="ann@mail.example",
    recipient_name="Ann Öther",
    subject="Three roasts for März",
    text="Hello\n" + "x" * 2000 + "\n.\n",
    html="<p>Hello</p>",
    unsubscribe_url=URL,
    reference="mlg_1:cus_1",
    at=datetime(2026, 3, 1, 9, tzinfo=UTC),
)


def test_the_link_stands_whole_on_one_line() -> None:
    """However long it is: written as an encoded word, mail programs would not find the address."""
    lines = message_of(MAIL).as_bytes().split(b"\r\n")

    assert f"List-Unsubscribe: <{URL}>".encode() in lines
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    assert b"Date: Sun, 01 Mar 2026 09:00:00 +0000" in lines
    assert max(map(len, lines)) <= 998


def test_what_is_sent_reads_back_as_it_was_written() -> None:
    """Names and subjects beyond ASCII, both forms, and one id for the same mail."""
    read = message_from_bytes(message_of(MAIL).as_bytes(), policy=default)

    assert (read["From"], read["To"]) == ("Bean Street <hello@shop.example>", "Ann Öther <ann@mail.example>")
    assert read["Subject"] == "Three roasts for März"
    assert read["Message-ID"] == message_of(MAIL)["Message-ID"]
    assert read["Message-ID"].endswith("@shop.example>")
    text, html = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == MAIL.text.splitlines()
    assert html.get_content().strip() == MAIL.html


@given(
    st.sampled_from(("sender", "recipient", "recipient_name", "subject", "unsubscribe_url")),
    st.sampled_from(("\r\n", "\n", "\r", "\0", "\u2028", "\x0b", "\x85")),
    st.text(max_size=5),
)
def test_nobody_writes_a_header_of_their_own(field: str, ending: str, more: str) -> None:
    """A line break anywhere is refused."""
    changed = {field: f"{getattr(MAIL, field)}{more}{ending}Bcc: eve@evil.example"}

    with pytest.raises(HeaderError):
        message_of(replace(MAIL, **changed))  # type: ignore[arg-type] # (the fields are texts)


@pytest.mark.parametrize("text", ["", "nobody", "Ann <ann>", "a@b.example, c@d.example", "Ann <a@b.example> x"])
def test_a_sender_is_one_address(text: str) -> None:
    """Anything else is refused before mail is written."""
    with pytest.raises(HeaderError):
        sender_of(text)


@pytest.mark.parametrize(
    ("url", "host", "port", "security"),
    [
        ("smtp://localhost:1025", "localhost", 1025, "smtp"),
        ("smtps://ann:p%40ss@mail.example", "mail.example", 465, "smtps"),
        ("smtp+starttls://mail.example", "mail.example", 587, "smtp+starttls"),
    ],
)
def test_mail_servers_are_told_by_url(url: str, host: str, port: int, security: str) -> None:
    """With the usual port of each way."""
    server = parse_server(url)

    assert (server.host, server.port, server.security) == (host, port, security)
    assert "p@ss" not in repr(server)


@pytest.mark.parametrize(
    "url", ["", "mail.example", "http://mail.example", "smtp://ann:secret@mail.example", "smtp://:25", "smtp://a:b:c"]
)
def test_a_server_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    """A password in the clear to another machine among them."""
    with pytest.raises(MailServerError) as told:
        parse_server(url)

    assert "secret" not in str(told.value)
