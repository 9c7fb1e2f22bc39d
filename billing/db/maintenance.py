"""What a database is told after many rows came at once: to look at its tables, so that its plans fit what is in them."""

from __future__ import annotations

from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url


def refresh_statistics(url: str) -> None:
    """Let the engine count what its tables hold. PostgreSQL does this by itself within minutes; after a bulk load it need not wait."""
    is_sqlite = make_url(url).get_backend_name() == "sqlite"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA optimize" if is_sqlite else "VACUUM ANALYZE"))
    engine.dispose()
