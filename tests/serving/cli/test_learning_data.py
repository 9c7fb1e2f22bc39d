"""`uptier features`, `uptier segments` and `uptier customers`: what a person types, reads and is refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

from billing.customers.store import CustomerStore
from billing.purchases.store import PurchaseStore
from features.catalog import FEATURE_SETS
from features.online import features_of
from features.served.keep import keep_served
from tests.shop import START

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.serving.cli.conftest import Cli

RULE = {"feature": "orders_365d", "op": ">=", "value": 1}


@pytest.fixture
def ann(cli: Cli) -> str:
    """A customer who bought once; her id."""
    with cli.database.unit(cli.scope) as unit:
        customer = CustomerStore(unit).ensure(["ann", "bob"], START)["ann"]
    _buy(cli, customer, START - timedelta(days=3))
    return customer


def _buy(cli: Cli, customer: str, at: datetime) -> None:
    line = {"key": f"l{at}", "customer_id": customer, "item": "tea", "basket": f"b{at}", "at": at, "received_at": at}
    with cli.database.unit(cli.scope) as unit:
        PurchaseStore(unit).insert([{**line, "quantity": 1, "amount_minor": 500, "currency": "EUR"}])


def test_a_rule_is_put_evaluated_explained_and_deleted(cli: Cli, ann: str, tmp_path: Path) -> None:
    """The whole life of a rule at the command line."""
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE))

    made = cli.ask("segments", "put", "buyers", file, "--name", "Buyers")
    done = cli.ask("segments", "evaluate")["evaluated"]
    inside, outside = (cli("segments", "why", "buyers", key).out.strip() for key in ("ann", "bob"))
    listed = cli.ask("segments", "list")

    assert (made["revision"], made["new"]) == (1, True)
    assert {"scheme": "rule:buyers", "standing": 1, "entered": 1, "left": 0} in done
    assert inside == "In: orders_365d is 1, which is >= 1."
    assert outside == "Out: orders_365d is 0, which is not >= 1."
    assert listed["sizes"]["rule:buyers"] == {"in": 1}
    assert listed["rules"][0]["rule"] == RULE
    assert cli("segments", "delete", "buyers").code == 0
    assert cli("segments", "why", "buyers", "ann").complaint.startswith("error (segment_rule_not_found)")


def test_a_file_that_is_no_rule_is_refused_in_one_line(cli: Cli, tmp_path: Path) -> None:
    """Neither JSON nor a tree."""
    file = tmp_path / "rule.json"
    file.write_text("{")
    assert "is no JSON" in cli("segments", "put", "x", file).complaint
    file.write_text('{"colour": "red"}')
    assert cli("segments", "put", "x", file).complaint.startswith("error (invalid_segment_rule)")


def test_verify_ends_with_1_when_a_served_vector_differs(cli: Cli, ann: str) -> None:
    """First all is equal; then a row of the past is planted."""
    with cli.database.unit(cli.scope) as unit:
        keep_served(unit, "profile", ann, features_of(unit, ann, now=START), now=START)
    assert cli.ask("features", "verify") | {"check": ""} == {
        "check": "",
        "sampled": 1,
        "differing": 0,
        "details": [],
    }

    _buy(cli, ann, START - timedelta(days=1))
    ended = cli("features", "verify")

    assert ended.code == 1
    assert ended.complaint.startswith("error (served_features_differ): 1 of 1 served vectors differ")
    assert "profile orders_30d: served 1, now 2" in ended.err


def test_everybody_s_features_are_written_as_of_a_moment(cli: Cli, ann: str, tmp_path: Path) -> None:
    """Ann had bought by then and Bob had not; before that nobody is known, and a set that does not exist is named."""
    file = tmp_path / "features.parquet"

    done = cli.ask("features", "compute", "--output", file, "--set", "churn", "--as-of", f"{START:%Y-%m-%dT%H:%M:%S}")
    rows = pq.read_table(file).to_pylist()
    before = cli.ask("features", "compute", "--output", file, "--as-of", "2020-01-01")

    assert (done["customers"], done["views"]) == (1, len(FEATURE_SETS["churn"]))
    assert (rows[0]["customer"], rows[0]["orders_30d"], rows[0]["days_since_last_order"]) == (ann, 1, 3)
    assert before["customers"] == 0
    assert cli("features", "compute", "--output", file, "--set", "chum").code == 2


def test_the_catalogue_is_listed(cli: Cli) -> None:
    """With types, sources and what they mean."""
    names = [row["name"] for row in cli.ask("features", "list")["views"]]

    assert "orders_90d" in names


def test_a_customer_is_erased_after_a_question(cli: Cli, ann: str) -> None:
    """Without a yes nothing happens; with it, what was removed is told."""
    asked = cli("customers", "erase", "ann")
    assert asked.code == 1

    done = cli.ask("customers", "erase", "ann", "--yes")

    assert done["done"]["removed"]["purchases"] == 1
    assert cli("customers", "erase", "ann", "--yes").complaint.startswith("error (customer_not_found)")
