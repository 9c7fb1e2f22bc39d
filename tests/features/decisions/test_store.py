"""Decisions and outcomes: what was decided is never changed, and each outcome is kept once."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.errors import ConflictError
from features.decisions.store import Decision, DecisionNotFoundError, DecisionStore
from tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from billing.db.session import Database

NOW = datetime(2026, 2, 1, 12, 0, 0, 654321, tzinfo=UTC)
TRACE = {"candidates": [{"rule": "limit_near", "target": "plus"}], "propensity": None, "targets": ["plus", "pro"]}


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop with two customers on each engine."""
    return open_shop(database)


def _customer(shop: Shop, key: str = "ann") -> str:
    with shop.database.view(shop.scope) as unit:
        return CustomerStore(unit).get(key).id


def _decision(customer_id: str, number: int = 0, **changed: Any) -> Decision:
    values: dict[str, Any] = {
        "id": f"dec_{number:04d}",
        "customer_id": customer_id,
        "placement": "account",
        "target": "plus",
        "target_kind": "plan",
        "quote_id": None,
        "message": "More for you.",
        "reason": "limit_near",
        "trace": TRACE,
        "decided_at": NOW + timedelta(minutes=number),
        "expires_at": NOW + timedelta(minutes=number + 60),
    }
    return Decision(**{**values, **changed})


def _add(shop: Shop, *decisions: Decision) -> None:
    with shop.database.unit(shop.scope) as unit:
        for decision in decisions:
            DecisionStore(unit).add(decision)


def _tell(shop: Shop, decision_id: str, kind: str) -> bool:
    with shop.database.unit(shop.scope) as unit:
        return DecisionStore(unit).record_outcome(decision_id, kind, NOW)


def test_a_decision_comes_back_as_it_was_made(shop: Shop) -> None:
    """With its trace and to the microsecond; also one that made no offer."""
    ann = _customer(shop)
    made = _decision(ann)
    nothing = _decision(
        ann,
        1,
        target=None,
        target_kind=None,
        message="",
        reason="holdout",
        expires_at=None,
        trace={"suppressed": "holdout"},
    )
    _add(shop, made, nothing)

    with shop.database.view(shop.scope) as unit:
        assert [DecisionStore(unit).get(one.id) for one in (made, nothing)] == [made, nothing]


def test_each_kind_of_outcome_is_kept_once(shop: Shop) -> None:
    """The first time it is news, and later ones change nothing."""
    _add(shop, _decision(_customer(shop)))

    answers = [_tell(shop, "dec_0000", kind) for kind in ("impression", "click", "impression", "click", "dismiss")]

    assert answers == [True, True, False, False, True]
    with shop.database.view(shop.scope) as unit:
        store = DecisionStore(unit)
        assert store.get("dec_0000").outcomes == {"impression", "click", "dismiss"}
        assert store.counts() == {"limit_near": 1, "outcome:impression": 1, "outcome:click": 1, "outcome:dismiss": 1}


def test_an_outcome_told_by_many_at_once_is_kept_once(shop: Shop) -> None:
    """Eight tabs report the same impression at the same time; one of them is the first."""
    _add(shop, _decision(_customer(shop)))
    barrier, answers = threading.Barrier(8), []

    def tell() -> None:
        barrier.wait()
        answers.append(_tell(shop, "dec_0000", "impression"))

    threads = [threading.Thread(target=tell) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [False] * 7 + [True]


def test_the_past_of_a_customer_comes_oldest_first_from_a_moment_on(shop: Shop) -> None:
    """With the outcomes of each, and of nobody else."""
    ann, bob = _customer(shop), _customer(shop, "bob")
    _add(shop, *(_decision(ann, number) for number in (3, 1, 2)), _decision(bob, 9))
    _tell(shop, "dec_0002", "impression")

    with shop.database.view(shop.scope) as unit:
        found = DecisionStore(unit).of_customer(ann, NOW + timedelta(minutes=2))

    assert [(one.id, set(one.outcomes)) for one in found] == [("dec_0002", {"impression"}), ("dec_0003", set())]


def test_the_newest_decisions_are_shown_first(shop: Shop) -> None:
    """Of all customers, as many as asked for."""
    ann, bob = _customer(shop), _customer(shop, "bob")
    _add(shop, *(_decision((ann, bob)[number % 2], number) for number in range(5)))

    with shop.database.view(shop.scope) as unit:
        assert [one.id for one in DecisionStore(unit).recent(3)] == ["dec_0004", "dec_0003", "dec_0002"]


def test_a_decision_cannot_be_made_twice(shop: Shop) -> None:
    """Its id is taken; what was decided first stands."""
    ann = _customer(shop)
    _add(shop, _decision(ann))

    with pytest.raises(ConflictError):
        _add(shop, _decision(ann, target="pro"))

    with shop.database.view(shop.scope) as unit:
        assert DecisionStore(unit).get("dec_0000").target == "plus"


def test_an_outcome_of_no_decision_is_refused(shop: Shop) -> None:
    """The row it would point at is not there."""
    with pytest.raises(ConflictError):
        _tell(shop, "dec_none", "impression")


def test_tenants_do_not_see_each_others_decisions(shop: Shop) -> None:
    """Neither by id, nor in the counts, nor by telling an outcome of them."""
    other = open_shop(shop.database, "Leaf Lane")
    _add(shop, _decision(_customer(shop)))

    with other.database.view(other.scope) as unit, pytest.raises(DecisionNotFoundError):
        DecisionStore(unit).get("dec_0000")
    with pytest.raises(ConflictError):
        _tell(other, "dec_0000", "accept")
    with other.database.view(other.scope) as unit:
        assert DecisionStore(unit).counts() == {}
        assert DecisionStore(unit).recent(5) == []
