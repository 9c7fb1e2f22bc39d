"""`uptier simulate`, `uptier train` and `uptier bench`: files from a seed, a report a task, and a table beside baselines."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import pytest

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
    assert ended.out.count("not promoted") == len(ended.out.splitlines()) == 5
    assert "Not trained: there are no purchases yet." in ended.out


def test_an_unknown_task_is_named(cli: Cli) -> None:
    """With the tasks there are."""
    ended = cli("train", "horoscope")

    assert ended.code == 1
    assert "'horoscope'" in ended.complaint
    assert "segments, churn, propensity, recommender, bundles" in ended.complaint


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
    assert sum(line.startswith("* ") for line in table) == 1
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
