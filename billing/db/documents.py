"""JSON documents as text for the database: by the fast library where it can, by the standard one where it cannot.

Reading stays with the standard library, which keeps every digit of an integer of any size.
"""

from __future__ import annotations

import json
from typing import Any

import orjson


def dump(document: Any) -> str:
    """The document as JSON text.

    >>> dump({"quantity": 10**30})
    '{"quantity":1000000000000000000000000000000}'
    """
    try:
        return orjson.dumps(document).decode()
    except TypeError:  # an integer beyond 64 bits, or a key that is no text
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
