"""What is asked of the protocol's routes: the body's context, and the faults of it in the protocol's words.

Of the context two attributes are read, `targetingKey` (the customer's key) and `quantity` (units asked for, one unless said); whatever a
caller claims about plan, usage or role is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy.exc import SQLAlchemyError

from billing.customers.customer import CustomerNotFoundError
from billing.kernel.errors import InvalidError, Kind, NotFoundError, UptierError

if TYPE_CHECKING:
    from starlette.types import Receive

ONE = Decimal(1)
MOST_CHARACTERS = 200
MOST_UNITS = 10**12
_STATUS = {Kind.UNAUTHORIZED: 401, Kind.FORBIDDEN: 403, Kind.UNAVAILABLE: 503, Kind.TOO_LARGE: 413}


class GoneError(Exception):
    """The caller hung up before they had asked."""


class FaultError(Exception):
    """An answer that is not an evaluation: a status, an error code of the protocol and a sentence."""

    def __init__(self, status: int, code: str, details: str) -> None:
        super().__init__(details)
        self.status = status
        self.code = code
        self.details = details

    def body(self, key: str | None) -> bytes:
        """The protocol's failure, about a flag or about all of them."""
        about = {} if key is None else {"key": key}
        return orjson.dumps({**about, "errorCode": self.code, "errorDetails": self.details})


@dataclass(frozen=True, slots=True)
class Asked:
    """A customer by key, and how many units are asked for."""

    customer: str
    quantity: Decimal = ONE


async def whole_body(receive: Receive) -> bytes:
    """A request's body. Raises GoneError when the caller hangs up before its end."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return bytes(message.get("body", b""))
    parts = []
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()
    raise GoneError


def parse(body: bytes) -> Asked:
    """What a body asks. Raises FaultError with PARSE_ERROR, INVALID_CONTEXT or TARGETING_KEY_MISSING.

    >>> parse(b'{"context": {"targetingKey": "ann", "plan": "pro"}}')
    Asked(customer='ann', quantity=Decimal('1'))
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise FaultError(400, "PARSE_ERROR", f"the body is no JSON: {error.msg}") from None
    if not isinstance(document, dict):
        raise FaultError(400, "PARSE_ERROR", 'the body is a JSON object such as {"context": {"targetingKey": "ann"}}')
    context = document.get("context")
    if context is None:
        context = {}
    if not isinstance(context, dict):
        raise FaultError(400, "INVALID_CONTEXT", "the context is a JSON object")
    customer = context.get("targetingKey")
    if customer is None or customer == "":
        raise FaultError(400, "TARGETING_KEY_MISSING", "name the customer in context.targetingKey")
    if not isinstance(customer, str) or len(customer) > MOST_CHARACTERS:
        raise FaultError(400, "INVALID_CONTEXT", f"targetingKey is text of at most {MOST_CHARACTERS} characters")
    asked = context.get("quantity")
    return Asked(customer) if asked is None else Asked(customer, _quantity(asked))


def fault_of(error: Exception) -> FaultError:
    """Any expected error in the protocol's words; what it has no word for is GENERAL."""
    if isinstance(error, FaultError):
        return error
    if isinstance(error, CustomerNotFoundError):
        return FaultError(400, "INVALID_CONTEXT", "targetingKey names no customer")
    if isinstance(error, NotFoundError):
        return FaultError(404, "FLAG_NOT_FOUND", error.detail)
    if isinstance(error, InvalidError):
        return FaultError(400, "INVALID_CONTEXT", error.detail)
    if isinstance(error, UptierError):
        return FaultError(_STATUS.get(error.kind, 400), "GENERAL", error.detail)
    if isinstance(error, SQLAlchemyError):
        return FaultError(503, "GENERAL", "the database is away; try again in a moment")
    raise error


def _quantity(asked: Any) -> Decimal:
    if isinstance(asked, bool) or not isinstance(asked, int | str) or not _is_whole(asked):
        raise FaultError(400, "INVALID_CONTEXT", f"quantity is a whole number from 0 to {MOST_UNITS}")
    return Decimal(asked)


def _is_whole(asked: int | str) -> bool:
    if isinstance(asked, str):
        return asked.isascii() and asked.isdigit() and len(asked) <= len(str(MOST_UNITS)) and int(asked) <= MOST_UNITS
    return 0 <= asked <= MOST_UNITS
