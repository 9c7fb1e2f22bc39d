"""What an e-mail address looks like: a name, one @ and a domain. Whether anybody reads it only mail can tell. Pure."""

from __future__ import annotations

import re

from billing.kernel.errors import InvalidError

LONGEST = 254
"""The longest address that mail can carry (RFC 5321)."""

_NAME = r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f]{1,64}"
_LABEL = r"[^\W_](?:[^\W_]|-){0,62}"
_SHAPE = re.compile(rf"{_NAME}@{_LABEL}(?:\.{_LABEL})+")


class EmailError(InvalidError):
    """A text that mail cannot be sent to; the fact `field` says where it stood."""

    code = "invalid_email"


def checked_email(text: str) -> str:
    """The address without spaces around it; an empty one stays empty.

    >>> checked_email(" ann@shop.example ")
    'ann@shop.example'
    """
    written = text.strip()
    if written and (len(written) > LONGEST or not _SHAPE.fullmatch(written)):
        raise EmailError(f"{written[:60]!r} is no e-mail address, such as ann@shop.example", field="email")
    return written
