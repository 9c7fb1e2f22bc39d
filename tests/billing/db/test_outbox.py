"""Facts for the outside world are kept exactly when what they tell of is, and once for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from billing.customers.store import CustomerStore
from billing.db.tables import OutboxRow
from billing.kernel.errors import ConflictError
from tests.billing.db.pair import NOW, Pair
from tests.threads import together

if TYPE_CHECKING:
    from billing.db.scope import Scope
    from billing.db.session import Unit


def _facts(pair: Pair, scope: Scope | None = None) -> list[tuple[str, str]]:
    with pair.database.view(scope or pair.ours) as unit:
        rows = unit.session.execute(select(OutboxRow.kind, OutboxRow.key).order_by(OutboxRow.key))
        return [(kind, key) for kind, key in rows]


def test_a_fact_is_kept_with_its_unit_and_waits(pair: Pair) -> None:
    """It carries its moment and payload, and has not left yet."""
    with pair.database.unit(pair.ours) as unit:
        unit.emit("plan.published", "plus:1", {"plan": "plus"}, NOW)

    with pair.database.view(pair.ours) as unit:
        row = unit.session.scalars(select(OutboxRow)).one()
    assert (row.kind, row.key, row.payload) == ("plan.published", "plan.published:plus:1", {"plan": "plus"})
    assert (row.created_at, row.published_at) == (NOW, None)
    assert _facts(pair, pair.theirs) == []


def test_a_unit_that_fails_says_nothing(pair: Pair) -> None:
    """Neither the effect nor the fact is there."""
    with pytest.raises(KeyError), pair.database.unit(pair.ours) as unit:
        _speak_and_fail(unit)

    assert _facts(pair) == []


def _speak_and_fail(unit: Unit) -> None:
    unit.emit("kind", "1", {}, NOW)
    unit.session.flush()
    raise KeyError


def test_a_repeated_fact_takes_its_unit_with_it(pair: Pair) -> None:
    """The key is unique, so a use case that runs twice is refused as a whole and speaks once."""
    for key in ("first", "second"):
        try:
            with pair.database.unit(pair.ours) as unit:
                CustomerStore(unit).ensure([key], NOW)
                unit.emit("kind", "1", {}, NOW)
        except ConflictError:
            assert key == "second"

    assert _facts(pair) == [("kind", "kind:1")]
    with pair.database.view(pair.ours) as unit:
        assert CustomerStore(unit).keys() == ["ann", "bob", "first"]


def test_threads_that_tell_one_fact_tell_it_once(pair: Pair) -> None:
    """One of four commits; the others conflict and leave nothing."""

    def tell(number: int) -> None:
        with pair.database.unit(pair.ours) as unit:
            CustomerStore(unit).ensure([f"new{number}"], NOW)
            unit.emit("kind", "1", {"number": number}, NOW)

    answers = together(4, tell)

    assert [type(answer) for answer in answers if answer is not None] == [ConflictError] * 3
    assert _facts(pair) == [("kind", "kind:1")]
    with pair.database.view(pair.ours) as unit:
        assert CustomerStore(unit).count() == 3
