"""A usage event, and what makes one acceptable. Pure: an event is read from a document once, at the border.

The shape follows CloudEvents 1.0 (`id`, `source`, `type`, `subject`, `time`, `data`); `subject` or `customer` names the customer by
the business's key. An event without `time` happened when it was received.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from billing.kernel.clock import parse_instant
from billing.kernel.errors import InvalidError
from billing.kernel.storable import is_storable

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_TEXT = 200
MAX_DATA_KEYS = 50
MAX_DATA_TEXT = 1000
FUTURE_ALLOWANCE = timedelta(minutes=5)
_LARGE = 10**18
_KNOWN = {"id", "source", "type", "subject", "customer", "time", "data", "specversion", "datacontenttype", "dataschema"}


class BadEventError(InvalidError):
    """One event cannot be read; the others of its batch are unaffected."""

    code = "bad_event"


class UsageEvent(NamedTuple):
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
    if "data_base64" in document:
        raise BadEventError("'data' comes as a JSON object, not as 'data_base64'", field="data_base64")
    customer = document.get("customer", document.get("subject"))
    return UsageEvent(
        id=_text(document.get("id"), "id"),
        source=_text(document.get("source", "api"), "source"),
        type=_text(document.get("type"), "type"),
        customer=_text(customer, "customer"),
        at=_time(document.get("time"), received_at),
        data=_data(document.get("data")),
    )


def read_quickly(document: object, *, received_at: datetime, texts: set[str]) -> UsageEvent | None:
    """The same for an event of the usual shape; None for any other, which `read_event` reads or refuses with a reason.

    `texts` are names that were found good before, such as those of types, customers and properties; it grows.
    """
    if type(document) is not dict or not document.keys() <= _KNOWN:
        return None
    get: Callable[..., Any] = document.get
    name, kind, written, data = get("id"), get("type"), get("time"), get("data")
    data = {} if data is None else data
    source, customer = get("source", "api"), document["customer"] if "customer" in document else get("subject")
    if not _is_plain(name, MAX_TEXT) or not _are_plain(data):
        return None
    for text in (source, kind, customer, *data):
        if text.__class__ is not str or (text not in texts and not _is_plain(text, MAX_TEXT)):
            return None
        texts.add(text)
    at = received_at if written is None else _plain_instant(written)
    return None if at is None or at > received_at else UsageEvent(name, source, kind, customer, at, data)


def _are_plain(data: object) -> bool:
    """Values that are kept as they are."""
    if type(data) is not dict or len(data) > MAX_DATA_KEYS:
        return False
    for value in data.values():
        if type(value) is int:
            if not -_LARGE < value < _LARGE:
                return False
        elif value is not None and type(value) is not bool and not _is_plain(value, MAX_DATA_TEXT):
            return False
    return True


def _plain_instant(written: object) -> datetime | None:
    """An instant written in UTC."""
    try:
        at = datetime.fromisoformat(written)  # type: ignore[arg-type] # (what is no text is a TypeError, and no plain instant)
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo is UTC else None


def _is_plain(value: object, longest: int) -> bool:
    """A text of characters that every engine keeps, told without looking at each."""
    return type(value) is str and value.isascii() and 0 < len(value) <= longest and "\0" not in value


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
        return value if abs(value) < _LARGE else str(value)
    if isinstance(value, str):
        if len(value) > MAX_DATA_TEXT or not is_storable(value):
            raise BadEventError(f"'data.{key[:40]}' is a text of at most {MAX_DATA_TEXT} characters", field="data")
        return value
    text = repr(value)
    if not isinstance(value, (dict, list)) and text not in {"nan", "inf", "-inf"}:
        return text
    raise BadEventError(f"'data.{key[:40]}' is a text, a number, true, false or null", field="data")
