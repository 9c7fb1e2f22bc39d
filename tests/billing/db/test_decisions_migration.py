"""The revision that gives decisions their places: what was decided before keeps its meaning, on a database that holds some."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, text

from billing.db.migrate import upgrade
from billing.db.scope import Scope
from billing.db.session import Database
from features.decisions.showing_store import ShowingStore
from features.decisions.store import DecisionStore
from tests.shop import START

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = "0017"
_FILL = (
    "INSERT INTO tenants (id, name, currency, zone, mode, created_at) VALUES ('t', 'T', 'EUR', 'UTC', 'test', :at)",
    (
        "INSERT INTO customers (tenant_id, id, key, name, email, country, zone, consents, created_at)"
        " VALUES ('t', 'c', 'ann', '', '', '', 'UTC', '[]', :at)"
    ),
)
_DECISION = (
    "INSERT INTO decisions (tenant_id, id, customer_id, placement, target, target_kind, message, reason, trace, decided_at)"
    " VALUES ('t', :id, 'c', 'home', :target, :kind, '', :reason, :trace, :at)"
)
_OUTCOME = "INSERT INTO decision_outcomes (tenant_id, decision_id, kind, at) VALUES ('t', 'seen', 'impression', :at)"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of the revision before, on each engine, with an offer that was seen, one that was not, and two held back."""
    found = f"sqlite:///{tmp_path}/x.db" if request.param == "sqlite" else str(request.getfixturevalue("postgres_url"))
    upgrade(found, BEFORE)
    engine = create_engine(found)
    at = START.replace(tzinfo=None) if request.param == "sqlite" else START
    with engine.begin() as connection:
        for statement in _FILL:
            connection.execute(text(statement), {"at": at})
        for name, target, reason, trace in (
            ("seen", "plus", "limit_near", {}),
            ("unseen", "pro", "likely_upgrade", {}),
            ("kept", None, "holdout", {"would_have_shown": {"target": "plus"}}),
            ("idle", None, "holdout", {"would_have_shown": None}),
        ):
            kind = "plan" if target else None
            row = {"id": name, "target": target, "kind": kind, "reason": reason, "trace": json.dumps(trace), "at": at}
            connection.execute(text(_DECISION), row)
        connection.execute(text(_OUTCOME), {"at": at})
    engine.dispose()
    return found


def test_what_was_decided_before_keeps_its_meaning(url: str) -> None:
    """The counterfactual moves to its column, offers have their rule and a place: seen where an impression was told, lapsed otherwise."""
    upgrade(url)
    database = Database(url)
    with database.view(Scope("t")) as unit:
        decisions = {name: DecisionStore(unit).get(name) for name in ("seen", "unseen", "kept", "idle")}
        places = {
            each.decision_id: each for each in ShowingStore(unit).of_customers(["c"], START - timedelta(days=1))["c"]
        }
    database.close()

    assert [(each.rule, each.would_target, each.is_held_out) for each in decisions.values()] == [
        ("limit_near", None, False),
        ("likely_upgrade", None, False),
        (None, "plus", True),
        (None, None, True),
    ]
    assert {name: (place.confirmed_at, place.counts_at(START)) for name, place in places.items()} == {
        "seen": (START, True),
        "unseen": (None, False),
    }
    assert places["seen"].rule == "limit_near"
