"""`uptier simulate`, `uptier train` and `uptier bench`: files from a seed, a report a task, and a table beside baselines."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

from billing.tenants.create import open_tenant
from billing.tenants.tenant import Mode
from features.runs.request import request_runs
from features.runs.run import Trigger
from features.runs.tasks import TASKS
from tests.shop import START
from training.simulate.files import write
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.cli.conftest import Cli


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small simulated shop."""
    folder = tmp_path_factory.mktemp("shop")
    write(simulate(ShopSpec(customers=80, days=150, seed=5)), folder)
    return folder


def test_the_same_seed_writes_the_same_files(cli: Cli, tmp_path: Path) -> None:
    """Byte for byte; another seed writes others."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        document = cli.ask("simulate", tmp_path / name, "--customers", 20, "--days", 60, "--seed", seed)
        assert (document["customers"], document["seed"]) == (20, seed)
    files = {name: {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "abc"}

    assert files["a"] == files["b"]
    assert files["a"].keys() == files["c"].keys()
    assert files["a"]["purchases.csv"] != files["c"]["purchases.csv"]


def test_training_reports_every_task_asked_for(cli: Cli, shop: Path) -> None:
    """Bundles and churn are asked for; each answers with a reason, in the same words for a person and a program."""
    cli.ask("import", "purchases", shop / "purchases.csv")

    reports = cli.ask("train", "bundles", "churn")["reports"]

    assert {report["task"] for report in reports} == {"bundles", "churn"}
    assert all(report["reason"] and isinstance(report["promoted"], bool) for report in reports)


def test_training_without_purchases_says_so(cli: Cli) -> None:
    """An empty tenant is no crash: each task tells why it was not trained."""
    ended = cli("train")

    assert ended.code == 0
    assert ended.out.count("not promoted") == len(ended.out.splitlines()) == len(TASKS)
    assert "Not trained: there are no purchases yet." in ended.out


def test_an_unknown_task_is_named(cli: Cli) -> None:
    """With the tasks there are."""
    ended = cli("train", "horoscope")

    assert ended.code == 1
    assert "'horoscope'" in ended.complaint
    assert ", ".join(TASKS) in ended.complaint


def _interactions(shop: Path, file: Path) -> Path:
    with (shop / "purchases.csv").open() as source, file.open("w", newline="") as target:
        writer = csv.DictWriter(target, ["customer", "item", "at", "basket"], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(csv.DictReader(source))
    return file


def test_the_benchmark_prints_the_model_beside_its_baselines(cli: Cli, shop: Path, tmp_path: Path) -> None:
    """A table with intervals for people, one JSON document for programs, both with ours and what is popular."""
    file = _interactions(shop, tmp_path / "interactions.csv")

    said = cli("bench", "recommend", "--interactions", file, "--k", 10)
    document: Any = cli.ask("bench", "recommend", "--interactions", file, "--k", 10)

    table = said.out.partition("NEW:")[2].partition("\n\n")[0].splitlines()
    assert (said.code, "95 % interval" in table[1]) == (0, True)
    ours = sum(not row["is_baseline"] for row in document["tasks"][0]["rows"])
    assert sum(line.startswith("* ") for line in table) == ours > 0
    assert any(line.strip().startswith("popular, last 30 days") for line in table)
    assert {row["is_baseline"] for table in document["tasks"] for row in table["rows"]} == {True, False}


def test_a_file_that_cannot_be_benchmarked_is_said(cli: Cli, tmp_path: Path) -> None:
    """Wrong columns are named with those that are needed; a file that is not there is named too."""
    file = tmp_path / "odd.csv"
    file.write_text("who,what\nann,espresso\n")

    wrong, missing = (cli("bench", "recommend", "--interactions", path) for path in (file, tmp_path / "nowhere.csv"))

    assert (wrong.code, missing.code) == (1, 1)
    assert "no column customer, item, at" in wrong.complaint
    assert "nowhere.csv" in missing.complaint


def test_runs_are_followed_stopped_and_gone_on_with(cli: Cli, shop: Path) -> None:
    """A run that waits is in the list, is stopped by its id, and nothing was cut short, so nothing is gone on with."""
    cli.ask("import", "purchases", shop / "purchases.csv")
    assert "no run yet" in cli("train", "status").out
    with cli.database.unit(cli.scope) as unit:
        run = request_runs(unit, ["bundles"], trigger=Trigger.API, now=START)[0]

    assert [one["id"] for one in cli.ask("train", "status")["runs"]] == [run.id]
    assert cli.ask("train", "cancel", run.id)["run"]["state"] == "cancelled"
    assert "has ended" in cli("train", "cancel", run.id).complaint
    assert cli.ask("train", "--resume") == {"reports": []}
    assert cli.ask("train", "--task", "bundles")["reports"][0]["task"] == "bundles"
    assert [one["state"] for one in cli.ask("train", "status")["runs"]] == ["done", "cancelled"]


def test_what_waits_is_carried_out_in_processes_of_their_own(cli: Cli, shop: Path) -> None:
    """Every tenant's, by as many workers as asked for; afterwards nothing waits. Another tenant without purchases is told why."""
    cli.ask("import", "purchases", shop / "purchases.csv")
    open_tenant(cli.database, name="Leaf Lane", currency="EUR", zone="UTC", mode=Mode.TEST, now=START)

    runs = cli.ask("train", "--all-tenants", "--workers", 2, "--task", "bundles")["runs"]

    assert sorted((run["task"], run["state"]) for run in runs) == [("bundles", "done"), ("bundles", "skipped")]
    assert next(run["reason"] for run in runs if run["state"] == "skipped").startswith("Not trained: there are no")
    assert cli.ask("train", "waiting") == {"runs": []}
