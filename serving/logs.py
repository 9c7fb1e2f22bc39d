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
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # whatever it is when something is said
        cache_logger_on_first_use=False,
    )


def redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """The event with keys replaced by their kind, whatever field they hide in.

    >>> redact(None, "", {"event": "got upt_sk_01ab_00ff"})
    {'event': 'got upt_sk_***'}
    """
    return {_clean_text(name): _clean(value) for name, value in event.items()}


def _clean(value: Any) -> Any:
    """The value without keys at any depth; what is not plain JSON becomes the text that would be written for it."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {_clean_text(str(name)): _clean(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(inner) for inner in value]
    return _clean_text(value if isinstance(value, str) else repr(value))


def _clean_text(text: str) -> str:
    return _KEY.sub(r"upt_\1_***", text)
