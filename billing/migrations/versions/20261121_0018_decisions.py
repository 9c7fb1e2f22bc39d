"""Decisions with their propensities and caps, and the policy of offers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.base import ID, KEY
from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLES = ("offer_showings", "offer_policies")
_DECIDED = "reason = 'holdout'"
_MISSED = {
    "sqlite": "json_extract(trace, '$.would_have_shown.target')",
    "postgresql": "trace -> 'would_have_shown' ->> 'target'",
}


def _required(name: str, kind: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _to(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_tenant_id_{column}_{target}")
    return sa.ForeignKeyConstraint(["tenant_id", column], [f"{target}.tenant_id", f"{target}.id"], name=name)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def _decision_columns() -> tuple[sa.Column[Any], ...]:
    return (
        sa.Column("member", KEY, nullable=True),
        sa.Column("rule", KEY, nullable=True),
        sa.Column("would_target", KEY, nullable=True),
        sa.Column("is_held_out", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("propensity_ppm", sa.BigInteger(), nullable=False, server_default="1000000"),
        sa.Column("expected_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=500), nullable=True),
        sa.Column("offer", Document, nullable=True),
        sa.Column("experiments", Document, nullable=False, server_default="[]"),
    )


def upgrade() -> None:
    for column in _decision_columns():
        op.add_column("decisions", column)
    _say_what_was_missed()
    op.create_table(
        "offer_showings",
        _required("tenant_id", ID),
        _required("decision_id", ID),
        _required("customer_id", ID),
        sa.Column("member", KEY, nullable=True),
        _required("target", KEY),
        _required("placement", KEY),
        sa.Column("rule", KEY, nullable=True),
        _required("is_counterfactual", sa.Boolean()),
        _required("decided_at", Instant()),
        _required("reserved_at", Instant()),
        _required("expires_at", Instant()),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("open_until", Instant(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "decision_id", name=op.f("pk_offer_showings")),
        _tenant("offer_showings"),
        _to("offer_showings", "decision_id", "decisions"),
        _to("offer_showings", "customer_id", "customers"),
    )
    op.create_index("ix_offer_showings_customer", "offer_showings", ["tenant_id", "customer_id", "reserved_at"])
    op.create_index("ix_offer_showings_reserved", "offer_showings", ["tenant_id", "reserved_at"])
    op.create_table(
        "offer_policies",
        _required("tenant_id", ID),
        _required("document", Document),
        _required("changed_at", Instant()),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_offer_policies")),
        _tenant("offer_policies"),
    )
    _show_what_was_offered()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def _say_what_was_missed() -> None:
    """What a held-out customer would have seen moves from the trace to its column; row-level security stands aside for it."""
    engine = op.get_bind().dialect.name
    _stand_aside(engine, "decisions")
    op.execute(f"UPDATE decisions SET is_held_out = {_TRUE[engine]}, would_target = {_MISSED[engine]} WHERE {_DECIDED}")  # noqa: S608 (fixed words)
    op.execute("UPDATE decisions SET rule = reason WHERE target IS NOT NULL")
    _come_back(engine, "decisions")


def _show_what_was_offered() -> None:
    """Offers made before there were caps count as shown where an impression was told; older ones have lapsed."""
    engine = op.get_bind().dialect.name
    for table in ("decisions", "decision_outcomes"):
        _stand_aside(engine, table)
    op.execute(
        f"""INSERT INTO offer_showings (tenant_id, decision_id, customer_id, target, placement, rule, is_counterfactual, decided_at,
        reserved_at, expires_at, confirmed_at, open_until)
        SELECT d.tenant_id, d.id, d.customer_id, d.target, d.placement, d.rule, {_FALSE[engine]}, d.decided_at,
        d.decided_at, d.decided_at, o.at, NULL
        FROM decisions d LEFT JOIN decision_outcomes o
        ON o.tenant_id = d.tenant_id AND o.decision_id = d.id AND o.kind = 'impression'
        WHERE d.target IS NOT NULL"""  # noqa: S608 (fixed words)
    )
    for table in ("decisions", "decision_outcomes"):
        _come_back(engine, table)


_TRUE = {"sqlite": "1", "postgresql": "TRUE"}
_FALSE = {"sqlite": "0", "postgresql": "FALSE"}


def _stand_aside(engine: str, table: str) -> None:
    if engine == "postgresql":
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")


def _come_back(engine: str, table: str) -> None:
    if engine == "postgresql":
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    with op.batch_alter_table("decisions") as batch:
        for column in reversed(_decision_columns()):
            batch.drop_column(column.name)
