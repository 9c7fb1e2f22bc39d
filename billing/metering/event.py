"""A usage event, and what makes one acceptable. Pure: an event is read from a document once, at the border.

The shape follows CloudEvents 1.0 (`id`, `source`, `type`, `subject`, `time`, `data`); `subject` or `customer` names the customer by
the business's key. An event without `time` happened when it was received.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from billing.kernel.clock import parse_instant
from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

MAX_TEXT = 200
MAX_DATA_KEYS = 50
MAX_DATA_TEXT = 1000
FUTURE_ALLOWANCE = timedelta(minutes=5)
_KNOWN = {"id", "source", "type", "subject", "customer", "time", "data", "specversion", "datacontenttype", "dataschema"}


class BadEventError(InvalidError):
    """One event cannot be read; the others of its batch are unaffected."""

    code = "bad_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageEvent:
    """Who did what when. (`source`, `id`) identifies it for ever; `data` holds the values that meters read."""

    id: str
    source: str
    type: str
    customer: str
    at: datetime
    data: dict[str, Any]


def read_event(document: object, *, received_at: datetime) -> UsageEvent:
    """One event from its JSON document; the error says which field is wrong and how it should look."""
    if not isinstance(document, dict):
        raise BadEventError("an event is a JSON object")
    unknown = sorted(set(map(str, document)) - _KNOWN)
    if unknown and "specversion" not in document:  # a CloudEvent may carry extension attributes, which are not kept
        raise BadEventError(
            f"unknown field {unknown[0][:60]!r}; values that meters read go under 'data'",
            fields=[name[:MAX_TEXT] for name in unknown[:5] if is_storable(name)],
        )
    customer = document.get("customer", document.get("subject"))
    return UsageEvent(
        id=_text(document.get("id"), "id"),
        source=_text(document.get("source", "api"), "source"),
        type=_text(document.get("type"), "type"),
        customer=_text(customer, "customer"),
        at=_time(document.get("time"), received_at),
        data=_data(document.get("data")),
    )


def _text(value: object, field: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not is_storable(value):
        raise BadEventError(f"'{field}' is a text of 1 to {MAX_TEXT} characters", field=field)
    return value


def _time(value: object, received_at: datetime) -> datetime:
    if value is None:
        return received_at
    if not isinstance(value, str):
        raise BadEventError("'time' is an RFC 3339 instant such as 2026-01-31T09:00:00Z", field="time")
    try:
        at = parse_instant(value)
    except (InvalidError, OverflowError):
        raise BadEventError("'time' is an RFC 3339 instant such as 2026-01-31T09:00:00Z", field="time") from None
    if at > received_at + FUTURE_ALLOWANCE:
        raise BadEventError("'time' lies in the future; check the sender's clock", field="time", time=value[:40])
    return at


def _data(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_DATA_KEYS:
        raise BadEventError(f"'data' is an object of at most {MAX_DATA_KEYS} values", field="data")
    return {_text(key, "data key"): _scalar(key, item) for key, item in value.items()}


def _scalar(key: str, value: object) -> str | int | bool | None:
    """Numbers with a point become decimal text, so that no binary fraction is ever stored."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 10**18 else str(value)
    if isinstance(value, str):
        if len(value) > MAX_DATA_TEXT or not is_storable(value):
            raise BadEventError(f"'data.{key[:40]}' is a text of at most {MAX_DATA_TEXT} characters", field="data")
        return value
    text = repr(value)
    if not isinstance(value, (dict, list)) and text not in {"nan", "inf", "-inf"}:
        return text
    raise BadEventError(f"'data.{key[:40]}' is a text, a number, true, false or null", field="data")
