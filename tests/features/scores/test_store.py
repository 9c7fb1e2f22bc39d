"""Scores by task and customer: a new set takes the place of the old one whole, and tenants and tasks leave each other alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.errors import ConflictError
from features.scores.store import PPM, Score, ScoreStore
from tests.shop import START, Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

AS_OF = datetime(2026, 2, 1, 12, 30, 15, 123456, tzinfo=UTC)
KEYS = ("ann", "bob", "cleo", "dora")
DOCUMENT = {"rung": "rule", "horizon_days": 30, "reasons": [{"text": "no order for 61 days", "weight": 0.25}]}


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with four customers on each engine."""
    return open_shop(database, customers=KEYS)


def _ids(shop: Shop) -> dict[str, str]:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).ids_by_key(KEYS)


def _score(customer_id: str, value: float, version: str = "v0001") -> Score:
    return Score(customer_id=customer_id, version=version, as_of=AS_OF, value=value, document=DOCUMENT)


def _write(shop: Shop, task: str, values: dict[str, float], version: str = "v0001") -> None:
    with shop.database.unit(shop.scope) as unit:
        ScoreStore(unit).replace(task, [_score(customer, value, version) for customer, value in values.items()])


def test_a_score_comes_back_as_it_was_written(shop: Shop) -> None:
    """Value to a millionth, moment to the microsecond, reasons to the letter."""
    ann = _ids(shop)["ann"]
    _write(shop, "churn", {ann: 0.123456})

    with shop.database.view(shop.scope) as unit:
        assert ScoreStore(unit).of_customer(ann) == {"churn": _score(ann, 0.123456)}


@pytest.mark.parametrize("value", [0.0, 1.0, 1e-6, 0.9999996, 0.5000004])
def test_a_value_is_kept_to_the_millionth(shop: Shop, value: float) -> None:
    """Rounded to the nearest, so that no certainty is made of a likelihood by more than half a millionth."""
    ann = _ids(shop)["ann"]
    _write(shop, "churn", {ann: value})

    with shop.database.view(shop.scope) as unit:
        assert abs(ScoreStore(unit).values("churn")[0] - value) <= 0.5 / PPM


def test_a_new_set_takes_the_place_of_the_old_one_and_of_no_other_task(shop: Shop) -> None:
    """Who is not in the new set has no score any more; an empty set leaves none."""
    ids = _ids(shop)
    _write(shop, "propensity", {ids["ann"]: 0.4})
    _write(shop, "churn", {ids["ann"]: 0.1, ids["bob"]: 0.2})
    _write(shop, "churn", {ids["bob"]: 0.3, ids["cleo"]: 0.4}, "v0002")

    with shop.database.view(shop.scope) as unit:
        found = ScoreStore(unit).of_task("churn")
        assert {key: found[ids[key]].value for key in ("bob", "cleo")} == {"bob": 0.3, "cleo": 0.4}
        assert {score.version for score in found.values()} == {"v0002"}
        assert set(ScoreStore(unit).of_customer(ids["ann"])) == {"propensity"}

    _write(shop, "churn", {})
    with shop.database.view(shop.scope) as unit:
        assert ScoreStore(unit).of_task("churn") == {}
        assert ScoreStore(unit).values("propensity") == [0.4]


def test_a_set_that_cannot_be_written_leaves_the_old_one(shop: Shop) -> None:
    """The replacement is one transaction: no moment without scores, and none half-way."""
    ids = _ids(shop)
    _write(shop, "churn", {ids["ann"]: 0.1})

    with pytest.raises(ConflictError):
        _write(shop, "churn", {ids["bob"]: 0.9, "cus_nobody": 0.2})

    with shop.database.view(shop.scope) as unit:
        assert set(ScoreStore(unit).of_task("churn")) == {ids["ann"]}


def test_the_highest_come_first_and_equals_by_id(shop: Shop) -> None:
    """So that a page shows the same order twice."""
    ids = _ids(shop)
    _write(shop, "churn", {ids["dora"]: 0.5, ids["ann"]: 0.5, ids["bob"]: 0.9, ids["cleo"]: 0.1})
    middle = sorted([ids["ann"], ids["dora"]])

    with shop.database.view(shop.scope) as unit:
        store = ScoreStore(unit)
        assert [score.customer_id for score in store.highest("churn", 10)] == [ids["bob"], *middle, ids["cleo"]]
        assert [score.customer_id for score in store.highest("churn", 2)] == [ids["bob"], middle[0]]
        assert store.highest("unknown", 5) == []


def test_scores_of_some_customers_can_be_asked_for(shop: Shop) -> None:
    """Those without one are left out, and nobody asked for is nobody answered."""
    ids = _ids(shop)
    _write(shop, "churn", {ids["ann"]: 0.1, ids["bob"]: 0.2})

    with shop.database.view(shop.scope) as unit:
        assert set(ScoreStore(unit).of_task("churn", [ids["bob"], ids["cleo"]])) == {ids["bob"]}
        assert ScoreStore(unit).of_task("churn", []) == {}


def test_tenants_do_not_see_or_replace_each_others_scores(shop: Shop) -> None:
    """The same task in two tenants."""
    other = open_shop(shop.database, "Leaf Lane", customers=KEYS)
    mine, theirs = _ids(shop)["ann"], _ids(other)["ann"]
    _write(shop, "churn", {mine: 0.1})
    _write(other, "churn", {theirs: 0.9})
    _write(other, "churn", {})

    with shop.database.view(shop.scope) as unit:
        assert ScoreStore(unit).of_task("churn") == {mine: _score(mine, 0.1)}
    assert START.tzinfo is UTC
