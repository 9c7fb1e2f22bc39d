"""Structured logs on standard error, one JSON object a line, with anything that looks like a key taken out."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict

_KEY = re.compile(r"upt_(sk|pk)_[0-9a-z]+_[0-9a-f]+")


def configure() -> None:
    """Set up logging for a server or worker."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The event with keys replaced by their kind, whatever field they hide in.

    >>> redact(None, "", {"event": "got upt_sk_01ab_00ff"})
    {'event': 'got upt_sk_***'}
    """
    return {name: _KEY.sub(r"upt_\1_***", value) if isinstance(value, str) else value for name, value in event.items()}
