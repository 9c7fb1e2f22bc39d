"""The session's PostgreSQL: fresh databases, clones of a template, and errors that are errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.servers import guarded
from tests.servers.account import new_folder, reachable

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.postgres import Postgres

pytestmark = pytest.mark.servers


def _connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_each_test_gets_an_empty_database(postgres_url: str) -> None:
    """No table is there, and the URL names the driver that SQLAlchemy is to use."""
    with _connect(postgres_url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

    assert found == (0,)
    assert postgres_url.startswith("postgresql+psycopg://")


def test_two_fresh_databases_do_not_see_each_other(postgres_server: Postgres) -> None:
    """A table made in one is not in the other."""
    with postgres_server.fresh() as one, postgres_server.fresh() as other:
        with _connect(one) as connection:
            connection.execute("CREATE TABLE only_here (id int)")
        with _connect(other) as connection:
            found = connection.execute("SELECT to_regclass('only_here')").fetchone()

    assert found == (None,)


def test_a_template_is_built_once_and_cloned_with_its_rows(postgres_server: Postgres) -> None:
    """The second ask does not build again, and a clone's writes stay in the clone."""
    built: list[str] = []

    def build(url: str) -> None:
        built.append(url)
        with _connect(url) as connection:
            connection.execute("CREATE TABLE seed AS SELECT 7 AS n")

    for _ in range(2):
        with (
            postgres_server.fresh(postgres_server.template("one seed", build)) as url,
            _connect(url) as connection,
        ):
            found = connection.execute("SELECT n FROM seed").fetchall()
            connection.execute("DELETE FROM seed")
        assert found == [(7,)]

    assert len(built) == 1


def test_a_database_goes_although_someone_is_still_connected(postgres_server: Postgres) -> None:
    """A test that forgets a connection does not keep its database."""
    with postgres_server.fresh() as url:
        forgotten = _connect(url)

    with pytest.raises(psycopg.OperationalError):
        _connect(url)
    forgotten.close()


def test_a_server_that_cannot_start_is_an_error_with_its_log() -> None:
    """Never a skip: the message holds the last words of the program, and its folder is gone."""
    folder = new_folder(None)

    with pytest.raises(guarded.ServerError, match="no such disk"):
        guarded.start(["/bin/sh", "-c", "echo no such disk; exit 3"], folder, lambda: False)
    assert not folder.exists()


def test_a_private_folder_is_not_reachable_by_another_account(tmp_path: Path) -> None:
    """A folder that only its owner may enter hides what is inside it."""
    inside = tmp_path / "private" / "open"
    inside.mkdir(parents=True)
    inside.parent.chmod(0o700)

    assert not reachable(inside)
