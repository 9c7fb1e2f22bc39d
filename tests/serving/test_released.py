"""Moves of champions on record: the rows are the truth, the folder follows, and the way back takes less than a second."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from billing.db.outbox import waiting_facts
from billing.kernel.errors import ConflictError
from features.releases.record import ReleaseRecord
from features.releases.store import ReleaseStore
from models.registry.folder import FolderRegistry
from models.registry.port import Move, NothingToRollBackError, VersionNotFoundError
from serving.released import TAKEN_OVER, RecordedRegistry
from tests.models.registry.contract import card, model_folder
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database, Unit

TASK = "churn"


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop on each engine."""
    return open_shop(database)


def registry_of(shop: Shop, root: Path, who: str = "somebody", guard: object = None) -> RecordedRegistry:
    """A recorded registry over a folder."""
    return RecordedRegistry(FolderRegistry(root / "models"), shop.database, who, guard)  # type: ignore[arg-type]


def published(shop: Shop, root: Path, versions: int = 3) -> RecordedRegistry:
    """Versions that nobody promoted yet."""
    found = registry_of(shop, root)
    for number in range(versions):
        folder = model_folder(root / str(number))
        found.publish(shop.scope.tenant_id, TASK, folder, card(shop.scope.tenant_id))
    return found


def recorded(shop: Shop) -> list[ReleaseRecord]:
    """The rows."""
    with shop.database.view(shop.scope) as unit:
        return ReleaseStore(unit).of_task(TASK)


def test_every_move_says_who_why_and_by_which_report(shop: Shop, tmp_path: Path) -> None:
    """A promotion carries the gate's report of the card; webhooks hear of each move once."""
    registry, tenant = published(shop, tmp_path), shop.scope.tenant_id
    for version in ("v0001", "v0002", "v0002"):
        registry.promote(tenant, TASK, version, "better", START)
    registry.rollback(tenant, TASK, "too many alarms", START)

    rows = recorded(shop)
    assert [(row.number, row.version, row.previous, row.move, row.reason, row.who) for row in rows] == [
        (1, "v0001", None, "promoted", "better", "somebody"),
        (2, "v0002", "v0001", "promoted", "better", "somebody"),
        (3, "v0001", "v0002", "rolled_back", "too many alarms", "somebody"),
    ]
    assert [row.gate for row in rows] == [{"promote": True}, {"promote": True}, None]
    with shop.database.view(shop.scope) as unit:
        kinds = [fact.kind for fact in waiting_facts(unit, limit=50) if fact.kind.startswith("model.")]
    assert kinds == ["model.promoted", "model.promoted", "model.rolled_back"]


def test_the_way_back_takes_less_than_a_second(shop: Shop, tmp_path: Path) -> None:
    """From the call to the folder that servers read."""
    registry, tenant = published(shop, tmp_path), shop.scope.tenant_id
    for version in ("v0001", "v0002"):
        registry.promote(tenant, TASK, version, "better", START)

    started = time.perf_counter()
    registry.rollback(tenant, TASK, "worse", START)
    taken = time.perf_counter() - started

    champion = FolderRegistry(tmp_path / "models").champion(tenant, TASK)
    assert champion is not None
    assert champion.version == "v0001"
    assert taken < 1


def test_a_process_that_died_between_row_and_folder_is_made_good(shop: Shop, tmp_path: Path) -> None:
    """The row says v0002 while the folder still serves v0001; whoever settles next moves the folder, and then there is nothing to move."""
    registry, tenant = published(shop, tmp_path), shop.scope.tenant_id
    registry.promote(tenant, TASK, "v0001", "better", START)
    with shop.database.unit(shop.scope) as unit:
        row = ReleaseRecord(
            task=TASK, number=2, version="v0002", previous="v0001", move="promoted", reason="r", who="w", at=START
        )
        ReleaseStore(unit).add([row])

    assert registry.settle(tenant, TASK) == "v0002"
    assert registry.settle(tenant, TASK) is None
    champion = registry.champion(tenant, TASK)
    assert champion is not None
    assert champion.version == "v0002"


def test_what_was_promoted_before_there_were_rows_is_taken_over(shop: Shop, tmp_path: Path) -> None:
    """The folder's own moves are put on record, so that the way back is known."""
    tenant = shop.scope.tenant_id
    published(shop, tmp_path)
    folder = FolderRegistry(tmp_path / "models")
    for version in ("v0001", "v0002"):
        folder.promote(tenant, TASK, version, "of old", START)
    registry = registry_of(shop, tmp_path)
    assert [move.version for move in registry.history(tenant, TASK)] == ["v0001", "v0002"]

    registry.rollback(tenant, TASK, "worse", START)

    assert [row.who for row in recorded(shop)] == [TAKEN_OVER, TAKEN_OVER, "somebody"]
    assert [move.move for move in folder.history(tenant, TASK)][-1] is Move.ROLLED_BACK


def test_a_move_that_cannot_be_made_leaves_no_row(shop: Shop, tmp_path: Path) -> None:
    """No such version, nothing to go back to, a guard that refuses, and a second mover at the same moment."""
    registry, tenant = published(shop, tmp_path), shop.scope.tenant_id
    with pytest.raises(VersionNotFoundError):
        registry.promote(tenant, TASK, "v0009", "better", START)
    with pytest.raises(NothingToRollBackError):
        registry.rollback(tenant, TASK, "worse", START)

    def refuse(_unit: Unit) -> None:
        raise ConflictError("the lease is lost")

    with pytest.raises(ConflictError, match="lost"):
        registry_of(shop, tmp_path, guard=refuse).promote(tenant, TASK, "v0001", "better", START)
    assert recorded(shop) == []
    registry.promote(tenant, TASK, "v0001", "better", START + timedelta(days=1))
    with pytest.raises(ConflictError, match="collides"), shop.database.unit(shop.scope) as unit:
        ReleaseStore(unit).add(recorded(shop))
