"""The life of holds, drawn at random beside a plain model: nothing leaks, nothing is given out twice."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from billing.catalog.store import CatalogStore
from billing.customers.store import CustomerStore
from billing.db.migrate import upgrade
from billing.db.session import Database
from billing.entitlements.holds.hold import HoldState, Overdraw, Room
from billing.entitlements.holds.store import HoldStore
from billing.entitlements.holds.use import HoldRequest, commit, expire, release, reserve, room_of
from billing.kernel.errors import UptierError
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, open_shop

LIMIT = 30
BEHIND = st.sampled_from([timedelta(), timedelta(seconds=61), timedelta(hours=2)])
"""How far the clock of the process that does something is behind."""


@cache
def _template() -> Path:
    """A migrated file with a shop to copy for each walk."""
    file = Path(mkdtemp()) / "template.db"
    upgrade(f"sqlite:///{file}")
    return file


class Holding(RuleBasedStateMachine):
    """Ann on Plus, thirty deliveries a month, within one month."""

    made: Bundle[str] = Bundle("made")

    @initialize()
    def begin(self) -> None:
        """A fresh shop."""
        self.folder = TemporaryDirectory()
        file = shutil.copyfile(_template(), Path(self.folder.name) / "walk.db")
        self.database = Database(f"sqlite:///{file}")
        self.shop, self.now, self.overdrawn, self.asked = open_shop(self.database), START, False, 0
        with self.database.unit(self.shop.scope) as unit:
            subscribe(unit, "ann", "plus", now=START)

    @rule(
        target=made,
        quantity=st.sampled_from([1, 10, 20, 30]),
        minutes=st.sampled_from([1, 60]),
        overdraw=st.sampled_from(Overdraw),
        behind=BEHIND,
    )
    def reserve(self, quantity: int, minutes: int, overdraw: Overdraw, behind: timedelta) -> Any:
        """Units are asked for."""
        self.asked += 1
        request = HoldRequest(
            customer="ann",
            feature="deliveries",
            quantity=Decimal(quantity),
            key=f"key-{self.asked}",
            life=timedelta(minutes=minutes),
            overdraw=overdraw,
        )
        before = self._room()
        try:
            with self.database.unit(self.shop.scope) as unit:
                hold = reserve(unit, request, now=self._on_a_clock(behind))
        except UptierError:
            assert self._room() == before
            return multiple()
        once = self._room()
        with self.database.unit(self.shop.scope) as unit:
            assert reserve(unit, request, now=self.now) == hold.seen(self.now)
        assert self._room() == once
        return hold.key

    @rule(key=made, quantity=st.none() | st.integers(0, 25), behind=BEHIND)
    def commit(self, key: str, quantity: int | None, behind: timedelta) -> None:
        """Units are used; again, they are used no more."""
        wanted = None if quantity is None else Decimal(quantity)
        before = self._room()
        try:
            with self.database.unit(self.shop.scope) as unit:
                done = commit(unit, key, now=self._on_a_clock(behind), quantity=wanted)
        except UptierError:
            assert self._room() == before
            return
        once = self._room()
        with self.database.unit(self.shop.scope) as unit:
            assert commit(unit, key, now=self.now, quantity=done.used) == done
        assert self._room() == once
        self.overdrawn |= done.overdraw is Overdraw.ALLOW and once.used + once.held > LIMIT

    @rule(key=made)
    def release(self, key: str) -> None:
        """Units are let go."""
        try:
            with self.database.unit(self.shop.scope) as unit:
                release(unit, key, now=self.now)
        except UptierError:
            return

    @rule(minutes=st.sampled_from([1, 61]), tidy=st.booleans())
    def wait(self, minutes: int, tidy: bool) -> None:  # noqa: FBT001 (a drawn value)
        """Time goes on; tidying up changes nothing that counts."""
        self.now += timedelta(minutes=minutes)
        before = self._room()
        if tidy:
            with self.database.unit(self.shop.scope) as unit:
                expire(unit, now=self.now)
        assert self._room() == before

    @invariant()
    def nothing_is_given_out_twice(self) -> None:
        """Used and held stay within the limit, unless a hold was allowed to overdraw it; what is held is what open holds say."""
        room = self._room()
        if not self.overdrawn:
            assert room.used + room.held <= LIMIT
        with self.database.view(self.shop.scope) as unit:
            holds = HoldStore(unit).page(now=self.now, limit=50).items
        assert room.held == sum(hold.quantity for hold in holds if hold.is_open(self.now))
        assert room.used == sum(hold.used or 0 for hold in holds if hold.state is HoldState.COMMITTED)

    def teardown(self) -> None:
        """Close the shop."""
        self.database.close()
        self.folder.cleanup()

    def _on_a_clock(self, behind: timedelta) -> datetime:
        return max(self.now - behind, START)

    def _room(self) -> Room:
        with self.database.view(self.shop.scope) as unit:
            ann, feature = CustomerStore(unit).get("ann").id, CatalogStore(unit).feature("deliveries")
            return room_of(unit, ann, feature, self.now)[0]


Holding.TestCase.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHolding = Holding.TestCase
