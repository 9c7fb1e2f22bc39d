"""Fixtures of the webhooks' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.billing.webhooks.receiver import Receiver, receiving
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from billing.db.session import Database


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that is told things."""
    with receiving() as found:
        yield found


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop whose opening was told to nobody, on each engine in turn."""
    return open_shop(database)
