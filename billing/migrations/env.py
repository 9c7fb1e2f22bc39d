"""Alembic's entry point: runs revisions on the connection that `billing.db.migrate` hands over."""

from __future__ import annotations

from alembic import context

from billing.db.base import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
