"""The churn benchmarks on small files whose truth is known, and their commands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from models.tabular.fit import fit_tabular
from models.tabular.labels import DAY_US
from serving.cli.main import app
from training.bench.churn_file import read_churn_file
from training.bench.churn_purchases import TooShortError, bench_churn_purchases, learning_moments
from training.bench.churn_render import purchases_json, render_purchases, render_table, table_json
from training.bench.churn_table import FoldsError, bench_churn_table, corrected_t
from training.bench.published import UnknownPublicationError, published_for
from training.bench.purchases_file import PurchasesFileError, read_purchases_file

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four hundred customers; one column carries the outcome's log-odds, one is noise, one a category that matters."""
    rng = np.random.default_rng(0)
    signal, noise, plan = rng.normal(size=400), rng.normal(size=400), rng.choice(["a", "b", "c"], 400)
    left = rng.random(400) < 1 / (1 + np.exp(-(1.4 * signal + np.where(plan == "a", 1.0, -0.7))))
    path = tmp_path_factory.mktemp("churn") / "table.csv"
    pd.DataFrame({"signal": signal, "noise": noise, "plan": plan, "left": left}).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def purchases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred and fifty buyers over a year, some of whom stop; lines with a cancellation and a line of nobody."""
    rng = np.random.default_rng(1)
    rows: list[tuple[str, str, str, str, int, float]] = []
    for customer in range(250):
        pause, stops, day = rng.gamma(3, 8), rng.uniform(20, 500), rng.uniform(0, 60)
        while day < min(stops, 365):
            at = (pd.Timestamp("2024-01-01") + pd.Timedelta(days=float(day))).isoformat()
            rows.append((f"c{customer}", f"o{len(rows)}", at, f"i{rng.integers(30)}", int(rng.integers(1, 4)), 9.5))
            day += rng.exponential(pause)
    rows += [("c1", "C77", "2024-03-01", "i1", -2, 9.5), ("", "o999999", "2024-03-01", "i1", 1, 9.5)]
    path = tmp_path_factory.mktemp("churn") / "purchases.csv"
    names = ["CustomerID", "InvoiceNo", "InvoiceDate", "StockCode", "Quantity", "UnitPrice"]
    pd.DataFrame(rows, columns=names).to_csv(path, index=False)
    return path


def test_a_table_is_judged_fold_by_fold_beside_its_peers(table: Path) -> None:
    """Every model on the same folds; the base rate orders nobody, ours comes near the truth, and nothing published is claimed."""
    report = bench_churn_table(table, label="left", folds=2, repeats=1, trials=1)
    by_name = {model.name: model.metrics for model in report.models}
    ours = report.models[-1]

    assert len(by_name) == 6
    assert all(len(metric.values) == 2 for metrics in by_name.values() for metric in metrics.values())
    assert by_name["base rate"]["auc"].mean == pytest.approx(0.5)
    assert ours.metrics["auc"].mean > 0.75
    assert ours.metrics["auc"].mean > by_name["LightGBM, default settings"]["auc"].mean - 0.02
    assert 0 < report.floor < 0.2
    assert report.published == ()
    text = render_table(report)
    assert "our ladder's blend" in text
    assert "published" not in text
    assert json.loads(table_json(report))["models"][-1]["metrics"]["auc"]["mean"] == ours.metrics["auc"].mean


def test_the_same_rows_give_the_same_model(table: Path) -> None:
    """To the last bit."""
    examples = read_churn_file(table, label="left").examples
    first, second = (fit_tabular(examples, categorical=("plan",)).probability(examples.table) for _ in range(2))

    np.testing.assert_array_equal(first, second)


def test_more_folds_than_cases_are_refused(table: Path) -> None:
    """With a sentence."""
    with pytest.raises(FoldsError, match="every fold needs a case"):
        bench_churn_table(table, label="left", folds=300, repeats=1)


def test_the_corrected_t_is_smaller_than_the_plain_one() -> None:
    """Known answer: 25 folds of 5 x 5 enlarge the variance of the mean from 1/25 to 1/25 + 1/4."""
    rng = np.random.default_rng(0)
    ours = rng.normal(0.85, 0.01, 25)
    theirs = ours - rng.normal(0.004, 0.002, 25)
    difference = ours - theirs

    t, p = corrected_t(ours.tolist(), theirs.tolist(), judged_per_learned=0.25)

    plain = difference.mean() / (difference.std(ddof=1) / 5)
    assert t == pytest.approx(plain * np.sqrt(0.04 / 0.29))
    assert p is not None
    assert 0 < p < 1
    assert corrected_t([0.5], [0.4], judged_per_learned=0.25) == (None, None)


def test_purchases_are_read_as_orders(purchases: Path) -> None:
    """Cancellations and lines of nobody are counted and left out; amounts are hundredths."""
    found = read_purchases_file(purchases)

    assert found.read_as["customer"] == "CustomerID"
    assert found.dropped == {"without a customer": 1, "cancelled": 1}
    assert found.orders.amount_minor.min() >= 950
    assert (np.diff(found.orders.customer) >= 0).all()
    with pytest.raises(PurchasesFileError, match="no column Nobody"):
        read_purchases_file(purchases, columns={"customer": "Nobody"})


def test_silence_is_learned_before_the_moment_and_judged_after_it(purchases: Path) -> None:
    """Learned windows close before the judged moment; ours beats the recency rule; ours is last and has no lead over itself."""
    report = bench_churn_purchases(purchases, horizon_days=45, seed=3)
    cut = np.datetime64(report.cutoff)
    by_name = {model.name: model.metrics for model in report.models}

    assert all(np.datetime64(moment) + np.timedelta64(45, "D") <= cut for moment in report.learned_at)
    assert list(by_name)[-1].startswith("our ladder")
    assert report.models[-1].lead is None
    assert report.models[-1].metrics["auc"].mean > by_name["recency rule"]["auc"].mean
    assert "churn is no order within 45 days" in render_purchases(report)
    assert json.loads(purchases_json(report))["judged"] == report.judged


def test_a_file_that_is_too_short_says_so(purchases: Path) -> None:
    """A year cannot show two half years and the history before them."""
    with pytest.raises(TooShortError, match="no room"):
        bench_churn_purchases(purchases, horizon_days=180)
    with pytest.raises(TooShortError, match="are not in the file"):
        bench_churn_purchases(purchases, horizon_days=30, cutoff_us=19_720 * DAY_US + 360 * DAY_US)


def test_learning_moments_leave_room_for_the_outcome() -> None:
    """The last window closes at the cut; a short file learns from what there is."""
    moments = learning_moments(0, 200 * DAY_US, horizon_days=90)

    assert [moment // DAY_US for moment in moments] == [110]
    assert [moment // DAY_US for moment in learning_moments(0, 130 * DAY_US, horizon_days=90)] == [40]


def test_published_figures_are_shown_for_their_own_file_or_by_their_label_only() -> None:
    """Another file's bytes have none; an unknown label is refused."""
    assert published_for("0" * 64) == ()
    assert published_for("0" * 64, "telco")
    with pytest.raises(UnknownPublicationError, match="online-retail, telco"):
        published_for("0" * 64, "iris")


def test_the_command_speaks_json_and_refuses_half_a_question(table: Path) -> None:
    """Text for people, one document for programs, and a readable line for a mistake."""
    runner = CliRunner()
    quick = ["--label", "left", "--folds", "2", "--repeats", "1", "--trials", "0"]

    told = runner.invoke(app, ["bench", "churn", "--table", str(table), *quick, "--json"])
    neither = runner.invoke(app, ["bench", "churn"])
    wrong = runner.invoke(app, ["bench", "churn", "--table", str(table), "--label", "nothing"])

    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["rows"] == 400
    assert neither.exit_code == 2
    assert wrong.exit_code == 1
    assert "no column nothing" in wrong.output
