"""Fixtures of the tests of jobs: services that may send to this machine, and a server that is told things."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from billing.kernel.clock import FrozenClock
from serving.jobs.deliver import deliver_due
from serving.settings import Settings
from serving.wiring import Services, build
from tests.billing.webhooks.receiver import Receiver, receiving
from tests.serving.jobs.told import START
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from billing.db.session import Database


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A server that is told things."""
    with receiving() as found:
        yield found


@pytest.fixture
def clock() -> FrozenClock:
    """The present; libraries that verify compare with the machine's clock."""
    return FrozenClock(START)


@pytest.fixture
def services(database: Database, tmp_path: Path, clock: FrozenClock) -> Iterator[Services]:
    """Services on each engine in turn, which may send to this machine."""
    settings = Settings(
        home=tmp_path / "home",
        database_url=database.url.render_as_string(hide_password=False),
        mlflow_uri="off",
        webhook_private_addresses=True,
        _env_file=None,
    )
    built = build(settings, clock=clock)
    yield built
    built.database.close()


@pytest.fixture
def shop(services: Services) -> Shop:
    """A shop whose opening was told to nobody."""
    opened = open_shop(services.database)
    deliver_due(services)
    return opened
