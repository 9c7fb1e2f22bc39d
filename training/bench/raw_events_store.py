"""The peers of usage intake: the same rows, put into a table of the same shape by the engine's own fastest means and nothing else.

No event is read, deduplicated or added up here; what the peer needs beside time is the measure of what these cost.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy.engine import URL, make_url

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = ("tenant_id", "source", "event_id", "type", "customer_id", "at", "received_at", "data")
_NAMES = ", ".join(COLUMNS)
_TWIN = "raw_events"
_CLONE = f"""
CREATE TABLE {_TWIN} (LIKE events INCLUDING ALL);
ALTER TABLE {_TWIN} DROP CONSTRAINT {_TWIN}_pkey, ADD PRIMARY KEY (tenant_id, source, event_id);
CREATE INDEX ON {_TWIN} (tenant_id, at);
ALTER TABLE {_TWIN} ADD FOREIGN KEY (tenant_id) REFERENCES tenants (id);
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT conname, pg_get_constraintdef(oid) AS def FROM pg_constraint
               WHERE conrelid = 'events'::regclass AND contype = 'f' LOOP
    EXECUTE format('ALTER TABLE {_TWIN} ADD CONSTRAINT %I %s', 'raw_' || found.conname, found.def);
  END LOOP;
END $$;
"""  # noqa: S608 (constants)


class RawEvents:
    """A twin of the table of events in one piece, with its keys and indexes and a unique identity, beside it in the same database."""

    def __init__(self, url: str) -> None:
        found = make_url(url)
        self._is_sqlite = found.get_backend_name() == "sqlite"
        self._connection: Any = _sqlite(found) if self._is_sqlite else psycopg.connect(_plain(found))
        self._make()

    def _make(self) -> None:
        cursor = self._connection.cursor()
        if self._is_sqlite:
            made = cursor.execute(
                "SELECT sql FROM sqlite_master WHERE tbl_name = 'events' AND sql IS NOT NULL"
            ).fetchall()
            for (statement,) in made:
                named = statement.replace("CREATE INDEX ", "CREATE INDEX raw_")
                cursor.execute(named.replace("TABLE events", f"TABLE {_TWIN}").replace("ON events", f"ON {_TWIN}"))
            cursor.execute(f"CREATE UNIQUE INDEX raw_identity ON {_TWIN} (tenant_id, source, event_id)")
        else:
            cursor.execute(f"DROP TABLE IF EXISTS {_TWIN}")
            cursor.execute(_CLONE)
        self._connection.commit()

    def rows_of(self, tenant_id: str, first: str, last: str) -> list[tuple[Any, ...]]:
        """The rows that intake has stored, by a range of their ids, as the engine keeps them."""
        data = "data" if self._is_sqlite else "data::text"
        mark = "?" if self._is_sqlite else "%s"
        names = _NAMES.replace("data", data)
        statement = f"SELECT {names} FROM events WHERE tenant_id = {mark} AND event_id BETWEEN {mark} AND {mark} ORDER BY event_id"  # noqa: S608 (constants)
        if not self._is_sqlite:
            self._connection.execute("SELECT set_config('uptier.tenant_id', %s, false)", (tenant_id,))
        rows: list[tuple[Any, ...]] = self._connection.execute(statement, (tenant_id, first, last)).fetchall()
        self._connection.commit()
        return rows

    def load(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put rows into the twin and commit: COPY, or executemany where there is none."""
        if self._is_sqlite:
            marks = ", ".join("?" * len(COLUMNS))
            self._connection.executemany(f"INSERT INTO {_TWIN} ({_NAMES}) VALUES ({marks})", rows)  # noqa: S608 (constants)
        else:
            with self._connection.cursor().copy(f"COPY {_TWIN} ({_NAMES}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        self._connection.commit()

    def close(self) -> None:
        """Let the twin go."""
        self._connection.execute(f"DROP TABLE {_TWIN}")
        self._connection.commit()
        self._connection.close()


def _sqlite(url: URL) -> sqlite3.Connection:
    connection = sqlite3.connect(str(url.database), timeout=30)
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
