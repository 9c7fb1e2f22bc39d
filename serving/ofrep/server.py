"""The server program: an answer's head and body leave in one write, and streams end when it is told to end.

The server waits for every open connection before it ends, and writes a head as soon as it has one; clients that wait for the second of
two packets (Nagle's algorithm against delayed acknowledgements) have been measured to lose 40 milliseconds an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from types import FrameType

    from serving.ofrep.streams import Streams


class StreamingServer(uvicorn.Server):
    """A server whose answers leave in one write, and whose streams end with it."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        config.http = OneWriteProtocol
        super().__init__(config)
        self._streams = streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """On the first signal that asks for the end: no stream stays open."""
        self._streams.close()
        super().handle_exit(sig, frame)


class OneWriteProtocol(HttpToolsProtocol):
    """HTTP over a transport that writes once for each turn of the loop."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # (uvicorn's is as narrow)
        """Begin."""
        super().connection_made(Gathering(transport, self.loop))  # type: ignore[arg-type] # (it is a transport in all but name)


class Gathering:
    """A transport that gathers what is written in one turn of the event loop, and is the one it was given in everything else."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write with what else is written in this turn."""
        if not self._parts:
            self._loop.call_soon(self.flush)
        self._parts.append(data)

    def flush(self) -> None:
        """Write what was gathered."""
        parts, self._parts = self._parts, []
        if parts and not self._transport.is_closing():
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Close after what was gathered."""
        self.flush()
        self._transport.close()
