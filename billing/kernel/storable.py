"""Which texts every engine keeps: JSON and URLs can also write NUL and halves of characters, which PostgreSQL or UTF-8 refuse."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    r"""Whether a text can be stored and told again as it is.

    >>> is_storable("café"), is_storable("a\x00b"), is_storable("\ud800")
    (True, False, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
