"""A real SMTP server on a free port of this machine (aiosmtpd), that keeps what it takes and answers as a test wants it to."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage

HANG_UP = "hang up"
"""What `on_data` says to have the connection cut while the mail is on its way."""


@dataclass
class Inbox:
    """What a server took, in order, and what it says to recipients (`rcpt`) or when mail is handed over (`on_data`).

    Without slots: aiosmtpd asks for every member of its handler, which Python 3.11.2 cannot answer for a dataclass with slots.
    """

    port: int = 0
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    rcpt: dict[str, str] = field(default_factory=dict)
    on_data: Callable[[int], str | None] = lambda _: None
    handed: int = 0

    @property
    def url(self) -> str:
        """Where it is."""
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def recipients(self) -> list[str]:
        """Who was written to, in order."""
        return [recipient for recipient, _ in self.taken]

    def read(self, place: int = -1) -> EmailMessage:
        """A mail as a mail program reads it."""
        return message_from_bytes(self.taken[place][1], policy=default)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take the recipient, or say what the test said."""
        if address in self.rcpt:
            return self.rcpt[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        """Take the mail, or do what the test said."""
        self.handed += 1
        said = await asyncio.get_running_loop().run_in_executor(None, self.on_data, self.handed)
        if said == HANG_UP:
            server.transport.abort()
            return "421 gone"
        if said is None or said.startswith("2"):
            self.taken += [(recipient, bytes(envelope.content)) for recipient in envelope.rcpt_tos]
        return said or "250 OK"


def serve(inbox: Inbox, **options: Any) -> Iterator[Inbox]:
    """Run a server for it in a thread; `options` are aiosmtpd's."""
    loop = asyncio.new_event_loop()
    context: ssl.SSLContext | None = options.pop("ssl", None)
    server = loop.run_until_complete(
        loop.create_server(lambda: SMTP(inbox, hostname="localhost", loop=loop, **options), "127.0.0.1", 0, ssl=context)
    )
    inbox.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=5)
