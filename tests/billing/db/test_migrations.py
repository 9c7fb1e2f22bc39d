"""The revisions make exactly the tables that the code declares, can be run again, and can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from billing.db.migrate import SchemaError, _config, head, present, require_head, upgrade
from billing.kernel.errors import Kind
from tests.billing.db.every_table import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.servers)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database on each engine in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'uptier.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def _on(url: str, act: Any) -> Any:
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            found = act(connection)
            connection.commit()
            return found
    finally:
        engine.dispose()


def _tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def test_a_migrated_database_is_what_the_code_declares(url: str) -> None:
    """Comparing it with the declared tables finds no table, column, type, key or index too many or too few."""
    declared = metadata()
    upgrade(url)

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, declared)
        return found

    assert _on(url, differences) == []
    assert _on(url, _tables) == {*declared.tables, "alembic_version"}


def test_foreign_keys_are_what_the_code_declares(url: str) -> None:
    """By name, columns and target, which a comparison on SQLite does not see."""
    declared = metadata()
    upgrade(url)

    def keys(connection: Connection) -> dict[str, set[Any]]:
        inspector = inspect(connection)
        return {
            table: {
                (key["name"], *key["constrained_columns"], key["referred_table"], *key["referred_columns"])
                for key in inspector.get_foreign_keys(table)
            }
            for table in declared.tables
        }

    assert _on(url, keys) == {
        name: {
            (
                key.name,
                *key.column_keys,
                key.referred_table.name,
                *(element.column.name for element in key.elements),
            )
            for key in table.foreign_key_constraints
        }
        for name, table in declared.tables.items()
    }


def test_upgrading_again_changes_nothing(url: str) -> None:
    """The second run finds the head and leaves the tables."""
    assert present(url) is None
    first = upgrade(url)
    tables = _on(url, _tables)

    assert upgrade(url) == first == head() == present(url)
    assert _on(url, _tables) == tables


def test_going_back_to_the_start_leaves_nothing(url: str) -> None:
    """A downgrade to base drops what the revisions made, after which they run again."""
    upgrade(url)

    _on(url, lambda connection: command.downgrade(_config(connection), "base"))

    assert _on(url, _tables) == {"alembic_version"}
    assert present(url) is None
    assert upgrade(url) == head()


def test_a_database_that_is_behind_is_refused_with_the_command_to_run(url: str) -> None:
    """The error is about availability, and says which revision is there and which is needed."""
    with pytest.raises(SchemaError, match=r"revision none .* run 'uptier db upgrade'") as refused:
        require_head(url)
    assert (refused.value.kind, refused.value.facts) == (Kind.UNAVAILABLE, {"found": None, "needed": head()})

    upgrade(url)

    require_head(url)
