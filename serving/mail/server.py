"""Handing mail to a mail server over SMTP, and what each answer means: taken, refused for good, later, or nobody knows.

The last is the connection that breaks while the mail itself is on its way: the server may have it. A password never travels in the clear.
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import unquote, urlsplit

from billing.kernel.errors import InvalidError, Kind, UptierError

if TYPE_CHECKING:
    from email.message import EmailMessage

TIMEOUT_SECONDS = 30
_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_PERMANENT = 500
_ACCEPTED = range(200, 300)


class MailServerError(InvalidError):
    """The address of the mail server cannot be used."""

    code = "invalid_mail_server"


class MailServerAwayError(UptierError):
    """The mail server could not be reached, or does not let us in."""

    code = "mail_server_away"
    kind = Kind.UNAVAILABLE


class Answer(Enum):
    """What a mail server said of one mail."""

    TAKEN = "taken"
    REFUSED = "refused"
    LATER = "later"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Handed:
    """How handing over went: the answer, its code (0 for none) and words."""

    answer: Answer
    code: int = 0
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mail is handed in. `security` is `smtp` (none), `smtps` (TLS from the start) or `smtp+starttls`."""

    host: str
    port: int
    security: str
    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"MailServer({self.security}://{self.host}:{self.port})"


class Sender(Protocol):
    """Whoever hands mail over: a connection, or what stands in for one."""

    def hand_over(self, message: EmailMessage, *, sender: str, recipient: str) -> Handed:
        """Try once and say how it went."""
        ...


def parse_server(url: str) -> MailServer:
    """A server from its URL. Raises MailServerError, which does not repeat the password.

    >>> parse_server("smtp+starttls://ann:s%40crt@mail.example").port
    587
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise MailServerError("the mail server's address cannot be read", field="smtp_url") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise MailServerError(
            f"a mail server is given as {', '.join(f'{scheme}://host:port' for scheme in _PORTS)}", field="smtp_url"
        )
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if user and parts.scheme == "smtp" and not _is_here(parts.hostname):
        raise MailServerError(
            "a password travels encrypted: give the mail server as smtps:// or smtp+starttls://", field="smtp_url"
        )
    return MailServer(
        host=parts.hostname, port=port or _PORTS[parts.scheme], security=parts.scheme, user=user, password=password
    )


class Connection:
    """A connection that is opened for the first mail, used for all, and opened again when the server ended it."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye, if there is anybody."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (smtplib.SMTPException, OSError):
                self._smtp.close()
            self._smtp = None

    def hand_over(self, message: EmailMessage, *, sender: str, recipient: str) -> Handed:
        """Hand one mail over. Raises MailServerAwayError when there is no server: then nothing was handed over."""
        smtp = self._open()
        try:
            for code, words in (smtp.mail(sender), smtp.rcpt(recipient)):
                if code not in _ACCEPTED:
                    smtp.rset()
                    return _turned_down(code, words)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Handed(Answer.LATER, 0, type(error).__name__)
        try:
            code, words = smtp.data(message.as_bytes())
        except smtplib.SMTPDataError as error:  # the server would not even begin to take it
            smtp.rset()
            return _turned_down(error.smtp_code, error.smtp_error)
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            return Handed(Answer.UNSURE, 0, type(error).__name__)
        return Handed(Answer.TAKEN, code) if code in _ACCEPTED else _turned_down(code, words)

    def _open(self) -> smtplib.SMTP:
        if self._smtp is not None and self._is_alive(self._smtp):
            return self._smtp
        self._drop()
        try:
            self._smtp = _connect(self._server)
        except (smtplib.SMTPException, OSError) as error:
            raise MailServerAwayError(
                f"the mail server {self._server.host}:{self._server.port} cannot be used: {type(error).__name__}"
            ) from error
        return self._smtp

    @staticmethod
    def _is_alive(smtp: smtplib.SMTP) -> bool:
        try:
            return smtp.noop()[0] in _ACCEPTED
        except (smtplib.SMTPException, OSError):
            return False

    def _drop(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _connect(server: MailServer) -> smtplib.SMTP:
    context = ssl.create_default_context()
    smtp: smtplib.SMTP
    if server.security == "smtps":
        smtp = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
    try:
        if server.security == "smtp+starttls":
            smtp.starttls(context=context)
        smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _turned_down(code: int, words: bytes | str) -> Handed:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return Handed(Answer.REFUSED if code >= _PERMANENT else Answer.LATER, code, text[:300])


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
