"""A run from its lease to its end: done, skipped, cancelled or failed, always with a sentence, and never by two."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from features.releases.store import ReleaseStore
from features.runs.request import cancel_run, request_runs
from features.runs.run import LeaseLostError, Run, RunState, Trigger
from features.runs.store import RunStore
from features.scores.store import ScoreStore
from features.view import Source
from features.watch.store import WatchStore
from models.registry.folder import FolderRegistry
from serving.released import RecordedRegistry
from tests.shop import START
from tests.training.stocked import Stocked, stock
from training.history import load_history
from training.runs.drain import drain
from training.runs.installation import Installation
from training.runs.work import Shelf, carry_out
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from billing.db.session import Database, Unit
    from models.registry.port import Registry
    from training.context import JobReport


@dataclass
class Office:
    """A shop, an installation whose clock stands, and its registry."""

    shop: Stocked
    home: Path
    erased: frozenset[str] = frozenset()
    now: timedelta = timedelta(0)
    said: list[str] = field(default_factory=list)

    @property
    def registry(self) -> FolderRegistry:
        """What serves."""
        return FolderRegistry(self.home / "models")

    def installation(self, owner: str = "a") -> Installation:
        """As the commands make it."""

        def opened(who: str, guard: Callable[[Unit], object]) -> Registry:
            return RecordedRegistry(self.registry, self.shop.database, who, guard)

        return Installation(
            database=self.shop.database,
            home=self.home,
            open_registry=opened,
            clock=lambda: START + self.now,
            owner=owner,
            erased=lambda _unit: self.erased,
            pace_seconds=0,
        )

    def ask(self, task: str, *, force: bool = False) -> Run:
        """A queued run."""
        with self.shop.database.unit(self.shop.scope) as unit:
            return request_runs(unit, [task], trigger=Trigger.COMMAND, now=START + self.now, force=force)[0]

    def do(
        self, task: str, *, force: bool = False, said: Callable[[str, str], None] | None = None
    ) -> tuple[Run, JobReport | None]:
        """Queue a run and carry it out."""
        run = self.ask(task, force=force)
        return carry_out(
            self.installation(), self.shop.scope, run.id, tenant_now=self.shop.now + self.now, shelf=Shelf(), said=said
        )


@pytest.fixture
def office(sqlite_database: Database, tmp_path: Path) -> Office:
    """A small simulated shop."""
    return Office(stock(sqlite_database, simulate(ShopSpec(customers=120, days=150, seed=5))), tmp_path)


def test_a_run_is_put_on_record_from_its_snapshot_to_its_release(office: Office) -> None:
    """The row names the data, the snapshot, the version and the gate's sentence; the release names the run."""
    run, report = office.do("churn")

    assert report is not None
    assert (run.state, run.version, run.reason) == (RunState.DONE, report.version, report.reason)
    assert all((run.data_hash, run.spec_hash, run.snapshot_hash))
    assert run.as_of == office.shop.now
    assert (run.words, run.done) == ("done", 1.0)
    champion = office.registry.champion(office.shop.scope.tenant_id, "churn")
    assert champion is not None
    assert champion.card.snapshot["sha256"] == run.snapshot_hash
    assert all((champion.card.requirements, champion.card.calibration, champion.card.reference["features"]))
    checks = {check["name"]: check for check in (champion.card.gate or {})["checks"]}
    assert {"parity", "latency", "size", "calibration"} <= checks.keys()
    assert checks["parity"]["passed"]
    with office.shop.database.view(office.shop.scope) as unit:
        assert WatchStore(unit).bound("churn", office.shop.now) == set(ScoreStore(unit).of_task("churn"))


def test_nothing_new_is_said_and_not_learned_from_again(office: Office) -> None:
    """The sentence names the run before; scores are refreshed all the same; force, or a week, trains again."""
    first, _ = office.do("churn")
    again, _ = office.do("churn")

    assert again.state is RunState.SKIPPED
    assert again.reason.startswith("Skipped: nothing new since 2026-01-31 09:00 UTC")
    assert first.id in again.reason
    assert office.do("churn", force=True)[0].version == "v0002"
    office.now = timedelta(days=7)
    assert office.do("churn")[0].version == "v0003"


def test_a_challenger_stands_in_the_shadow_before_it_serves(office: Office) -> None:
    """It passed the gate, scores beside the champion, and is let in a day later because its scores lie alike; every move is on record."""
    tenant = office.shop.scope.tenant_id
    office.do("churn")
    challenger, report = office.do("churn", force=True)

    assert report is not None
    assert (challenger.state, report.promoted) == (RunState.DONE, False)
    assert challenger.reason.startswith("v0002 scores in the shadow until 2025-06-01")
    first = office.registry.champion(tenant, "churn")
    assert first is not None
    assert first.version == "v0001"

    office.now = timedelta(hours=12)
    waits, _ = office.do("churn")
    assert (waits.state, office.registry.champion(tenant, "churn")) == (RunState.SKIPPED, first)
    with office.shop.database.view(office.shop.scope) as unit:
        shadow = ReleaseStore(unit).shadow("churn")
    assert shadow is not None
    assert shadow.compared["agrees"]

    office.now = timedelta(days=1)
    later, _ = office.do("churn")
    second = office.registry.champion(tenant, "churn")
    assert second is not None
    assert second.version == "v0002"
    assert later.reason.startswith("v0002 left the shadow and serves")
    with office.shop.database.view(office.shop.scope) as unit:
        moves = ReleaseStore(unit).of_task("churn")
        assert ReleaseStore(unit).shadow("churn") is None
    assert [(one.version, one.previous, one.move, one.who) for one in moves] == [
        ("v0001", None, "promoted", moves[0].who),
        ("v0002", "v0001", "promoted", f"run {later.id}"),
    ]
    assert all(one.gate for one in moves)


def test_a_run_stops_before_its_next_step_when_asked_to(office: Office) -> None:
    """It ends cancelled, publishes nothing, and what it had finished is kept for the next one."""
    asked: list[str] = []

    def stop_at_features(_task: str, words: str) -> None:
        if words.startswith("features at moment") and not asked:
            asked.append(words)
            with office.shop.database.unit(office.shop.scope) as unit:
                cancel_run(unit, RunStore(unit).recent(limit=1)[0].id, now=START)

    run, report = office.do("churn", said=stop_at_features)

    assert (run.state, report) == (RunState.CANCELLED, None)
    assert "Cancelled" in run.reason
    assert office.registry.versions(office.shop.scope.tenant_id, "churn") == []
    assert office.do("churn")[0].state is RunState.DONE


def test_a_run_that_fails_says_why_and_leaves_its_lease(office: Office) -> None:
    """A folder that cannot be written to is a failure on record; the next run begins at once."""
    (office.home / "models").write_text("a file where a folder should be")

    run, report = office.do("segments")

    assert (run.state, report) == (RunState.FAILED, None)
    assert run.reason.startswith("Failed: ")
    (office.home / "models").unlink()
    assert office.do("segments")[0].state is RunState.DONE


def test_whoever_lost_the_lease_promotes_nothing(office: Office) -> None:
    """Another takes the run over while the first still works; the first one's move is refused where it would be recorded."""
    stolen: list[str] = []

    def steal(_task: str, words: str) -> None:
        if words == "judging" and not stolen:
            stolen.append(words)
            with office.shop.database.unit(office.shop.scope) as unit:
                store = RunStore(unit)
                run = store.recent(limit=1)[0]
                store.take(run.id, "b", now=START + timedelta(hours=1), life=timedelta(minutes=2))

    with pytest.raises(LeaseLostError):
        office.do("churn", said=steal)

    assert office.registry.champion(office.shop.scope.tenant_id, "churn") is None
    with office.shop.database.view(office.shop.scope) as unit:
        assert RunStore(unit).recent(limit=1)[0].owner == "b"


def test_what_waits_is_done_in_order_over_one_reading(office: Office) -> None:
    """The history is read once for all; a second drain finds nothing."""
    for task in ("bundles", "segments"):
        office.ask(task)
    words: list[tuple[str, str]] = []

    ended = drain(
        office.installation(),
        office.shop.scope,
        tenant_now=office.shop.now,
        said=lambda task, said: words.append((task, said)),
    )

    assert [run.task for run, _ in ended] == ["segments", "bundles"]
    assert {task for task, said in words if said.startswith("reading")} == {"segments"}
    assert drain(office.installation(), office.shop.scope, tenant_now=office.shop.now) == []


def test_who_was_erased_is_in_no_snapshot_score_or_training_row(office: Office) -> None:
    """Neither in the one that lies there nor in the next."""
    office.do("churn")
    with office.shop.database.view(office.shop.scope) as unit:
        gone = min(ScoreStore(unit).of_task("churn"))
    office.erased = frozenset({gone})

    office.do("churn", force=True)

    folders = [path.parent for path in office.home.glob("learning/*/snapshots/churn/*/rows.parquet")]
    assert folders
    assert not [folder for folder in folders if gone.encode() in (folder / "rows.parquet").read_bytes()]
    with office.shop.database.view(office.shop.scope) as unit:
        assert gone not in ScoreStore(unit).of_task("churn")


def test_a_corrected_amount_is_something_new(office: Office) -> None:
    """Same ids, same times, one other value: another hash, so neither a skip nor an old snapshot."""
    with office.shop.database.view(office.shop.scope) as unit:
        history = load_history(unit, office.shop.now)
    table = history.tables[Source.PURCHASES]
    amounts = table.column("amount_minor").to_pylist()
    place = table.column_names.index("amount_minor")
    amounts[0] += 1
    other = table.set_column(place, table.schema.field(place), pa.array(amounts, pa.int64()))

    assert replace(history, tables={**history.tables, Source.PURCHASES: table}).content_hash() == history.content_hash()
    assert replace(history, tables={**history.tables, Source.PURCHASES: other}).content_hash() != history.content_hash()
