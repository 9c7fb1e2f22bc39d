"""Little or nothing to learn from: every job answers with a sentence, none crashes, and none promotes what it could not judge."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.purchases.store import PurchaseStore
from features.scores.store import ScoreStore
from models.registry.folder import FolderRegistry
from tests.shop import START, Shop, open_shop
from tests.training.stocked import Stocked, stock
from training.jobs import JOBS, run_jobs
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from billing.db.session import Database
    from training.context import JobReport


def _run(where: Shop | Stocked, root: Path, now: Any, tasks: Sequence[str] = ()) -> dict[str, JobReport]:
    reports = run_jobs(where.database, where.scope, FolderRegistry(root), now=now, tasks=tasks)
    for report in reports:
        assert report.reason.endswith(".")
        assert "nan" not in repr(report.figures)
    return {report.task: report for report in reports}


def _buy(shop: Shop, *lines: tuple[str, str, str, timedelta]) -> None:
    """Lines of (customer, item, basket, how long before START)."""
    with shop.database.unit(shop.scope) as unit:
        ids = CustomerStore(unit).ids_by_key({customer for customer, *_ in lines})
        rows = [
            {
                "key": f"{basket}:{item}",
                "customer_id": ids[customer],
                "item": item,
                "basket": basket,
                "at": START - ago,
                "received_at": START - ago,
                "quantity": 1,
                "amount_minor": 500,
                "currency": "EUR",
            }
            for customer, item, basket, ago in lines
        ]
        PurchaseStore(unit).insert(rows)


def test_an_empty_shop_gets_a_reason_for_each_task(sqlite_database: Database, tmp_path: Path) -> None:
    """Nothing was bought, used or subscribed to: nothing is published."""
    reports = _run(open_shop(sqlite_database), tmp_path, START)

    assert {task: report.version for task, report in reports.items()} == dict.fromkeys(JOBS)
    assert [report.reason for report in reports.values()] == [
        "Nothing to segment: no customer has done anything yet.",
        "Not trained: nobody has bought anything yet.",
        "Not trained: there are no subscriptions yet.",
        "Not trained: there are no subscriptions yet.",
        "Not trained: there are no subscriptions yet.",
        "Not trained: there are no subscriptions yet.",
        "Not trained: no offer has been decided long enough ago to see what came of it; offers go on by what was taken so far.",
        "Not trained: nobody has bought anything yet.",
        "Not trained: there are no purchases yet.",
        "Not trained: there are no purchases yet.",
    ]


@pytest.mark.parametrize("task", list(JOBS))
def test_one_purchase_is_no_crash(sqlite_database: Database, tmp_path: Path, task: str) -> None:
    """A day ago, one customer, one item."""
    shop = open_shop(sqlite_database)
    _buy(shop, ("ann", "tea", "b1", timedelta(days=1)))

    report = _run(shop, tmp_path, START, [task])[task]

    assert report.promoted == (task in {"segments", "churn", "value", "recommender", "bundles"}), report.reason


def test_what_lies_in_the_future_counts_for_nothing(sqlite_database: Database, tmp_path: Path) -> None:
    """A test clock may stand before some purchases: at the moment itself, or after it, they have not happened."""
    shop = open_shop(sqlite_database)
    _buy(shop, ("ann", "tea", "b1", timedelta(0)), ("bob", "pot", "b2", -timedelta(days=3)))

    assert all(report.version is None for report in _run(shop, tmp_path, START).values())


def test_ten_days_are_too_few_to_see_who_leaves(sqlite_database: Database, tmp_path: Path) -> None:
    """Forty members in ten days: nothing can be learned of who leaves or moves up, so what usually happens answers and says so."""
    stocked = stock(sqlite_database, simulate(ShopSpec(customers=40, days=10, seed=3)))

    reports = _run(stocked, tmp_path, stocked.now)

    for task, rung in {
        "churn": "rhythm of orders (rung 1)",
        "propensity": "base rate (rung 0)",
        "lifetime": "base rate (rung 0)",
    }.items():
        assert reports[task].reason.startswith("Promoted: nothing can be learned yet ("), reports[task].reason
        assert reports[task].reason.endswith(f"so the {rung} answers until something can.")
        with stocked.database.view(stocked.scope) as unit:
            scores = ScoreStore(unit).of_task(task)
        assert len(scores) > 20
        assert {score.document["rung"] for score in scores.values()} == {rung}
    assert "the history is too short to see what happens within 30 days" in reports["propensity"].reason
    assert all(report.reason.startswith(("Promoted: ", "Not ")) for report in reports.values())


def test_a_handful_of_members_gets_a_rule_or_a_reason(sqlite_database: Database, tmp_path: Path) -> None:
    """Twenty-five members over half a year: too few cases to climb the ladder, and the sentence counts them."""
    stocked = stock(sqlite_database, simulate(ShopSpec(customers=25, days=180, seed=5)))

    reports = _run(stocked, tmp_path, stocked.now)

    for task in ("churn", "propensity"):
        rung = str(reports[task].figures.get("rung", "(rung 0)"))
        assert "(rung 0)" in rung or "(rung 1)" in rung, reports[task].reason


def test_a_shop_without_subscriptions_learns_churn_from_silence(sqlite_database: Database, tmp_path: Path) -> None:
    """Only purchases and visits: churn is asked of everybody who orders, propensity of nobody."""
    stocked = stock(sqlite_database, simulate(ShopSpec(customers=250, days=240, seed=11)), with_subscriptions=False)

    reports = _run(stocked, tmp_path, stocked.now, ["churn", "propensity"])

    assert reports["propensity"].reason == "Not trained: there are no subscriptions yet."
    assert reports["churn"].promoted, reports["churn"].reason
    champion = FolderRegistry(tmp_path).champion(stocked.scope.tenant_id, "churn")
    assert champion is not None
    assert champion.card.details["kind"] == "silence"
    assert "days without an order count as churn" in champion.card.limits[0]
