"""A profile folded into parts: whole, and each function where a reader looks for it."""

from __future__ import annotations

import pytest

from training.bench.profiled import DATABASE, profiled, shares


def test_built_ins_count_where_they_were_called_and_waiting_for_the_database_apart() -> None:
    """One second in rating, of which half in a built-in; one in the driver; two in SQLAlchemy."""
    rating = ("/app/billing/pricing/rating.py", 1, "rate")
    found = shares(
        {
            rating: (1, 1, 0.5, 2.0, {}),
            ("~", 0, "<built-in method builtins.sum>"): (1, 1, 0.5, 0.5, {rating: (1, 1, 0.5, 0.5)}),
            ("~", 0, "<method 'execute' of 'sqlite3.Cursor' objects>"): (1, 1, 1.0, 1.0, {rating: (1, 1, 1.0, 1.0)}),
            ("/lib/sqlalchemy/orm/session.py", 1, "execute"): (1, 1, 2.0, 4.0, {}),
        }
    )
    assert found["rating and explaining"] == found[DATABASE] == pytest.approx(0.25)
    assert sum(found.values()) == pytest.approx(1)
    assert next(iter(found)).startswith("SQLAlchemy")


def test_a_run_is_profiled_whole() -> None:
    """Whatever runs."""
    assert sum(profiled(lambda: sorted(range(10_000), key=str)).values()) == pytest.approx(1)
