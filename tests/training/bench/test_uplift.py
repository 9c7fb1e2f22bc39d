"""The uplift benchmark keeps arms apart, leaves other outcomes out, and puts random and response beside every learner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.uplift.learners import RESPONSE_LOGISTIC, RandomOrder
from models.uplift.policy import Terms
from training.bench.uplift import CHAMPION, bench_uplift
from training.bench.uplift_file import UpliftFileError, UpliftFileMissingError, read_uplift
from training.bench.uplift_table import render, to_json

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def mails(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two mails and a control; the first moves those who buy tea, the second moves all a little."""
    rng = np.random.default_rng(4)
    lines = ["id,kind,age,arm,visit,spend"]
    for number in range(2400):
        kind, age, arm = (
            rng.choice(["tea", "pot", "cup"]),
            rng.integers(18, 80),
            rng.choice(["tea mail", "all mail", "none"]),
        )
        chance = 0.15 + 0.35 * (arm == "tea mail" and kind == "tea") + 0.08 * (arm == "all mail")
        visit = int(rng.random() < chance)
        gap = "" if number % 50 == 0 else str(age)
        lines.append(f"c{number},{kind},{gap},{arm},{visit},{visit * 20}")
    path: Path = tmp_path_factory.mktemp("uplift") / "mails.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_arms_are_compared_with_the_control_alone(mails: Path) -> None:
    """No arm's rows in the other's experiment; ids and other outcomes are no features, gaps are marked."""
    file = read_uplift(mails, treatment="arm", outcome="visit")

    assert file.control == "none"
    assert set(file.experiments) == {"all mail", "tea mail"}
    assert sum(int(one.treated.sum()) for one in file.experiments.values()) < 2400
    assert len({int((~one.treated).sum()) for one in file.experiments.values()}) == 1
    assert set(file.left_out) == {"spend", "id"}
    assert file.columns == ("kind=pot", "kind=tea", "age", "age is missing")


def test_the_report_says_who_differs_and_whom_to_treat(mails: Path) -> None:
    """The tea mail is worth choosing for; learners stand beside random and response; policies are priced."""
    report = bench_uplift(
        mails, treatment="arm", outcome="visit", arms=["tea mail"], splits=3, terms=Terms(margin=100, cost=10)
    )
    arm = report.arms[0]
    rows = {row.name: row for row in arm.rows}
    policies = {row.name: row for row in arm.policies}
    text = render(report)

    assert arm.randomisation.is_random
    assert arm.heterogeneity.is_usable
    assert rows[CHAMPION.name].qini.mean > rows[RandomOrder().name].qini.mean
    assert rows[RESPONSE_LOGISTIC.name].is_baseline
    assert policies["recommended"].value.mean > policies["everybody"].value.mean
    assert "pays to choose" in text
    assert json.loads(to_json(report))["arms"][0]["arm"] == "tea mail"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"treatment": "arm", "outcome": "visits"}, "no column 'visits'"),
        ({"treatment": "kind", "outcome": "visit"}, "which arm is the control"),
        ({"treatment": "arm", "outcome": "visit", "control": "nobody"}, "no row has the control"),
        ({"treatment": "arm", "outcome": "visit", "arms": ["tee mail"]}, "no row has the arm tee mail"),
        ({"treatment": "arm", "outcome": "kind"}, "neither a number nor yes or no"),
        ({"treatment": "arm", "outcome": "kind", "positive": "beer"}, "no row has the outcome"),
    ],
)
def test_a_table_that_is_no_experiment_is_refused_with_a_way_out(
    mails: Path, options: dict[str, object], said: str
) -> None:
    """Naming what there is."""
    with pytest.raises(UpliftFileError, match=said):
        read_uplift(mails, **options)  # type: ignore[arg-type] # each case is a set of options


def test_one_split_is_refused(mails: Path) -> None:
    """It says nothing; a missing file is named."""
    with pytest.raises(UpliftFileError, match="one split says nothing"):
        bench_uplift(mails, treatment="arm", outcome="visit", splits=1)
    with pytest.raises(UpliftFileMissingError):
        read_uplift(mails.parent / "none.csv", treatment="arm", outcome="visit")
