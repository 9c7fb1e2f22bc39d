"""Prepaid wallets: grants, burns and automatic top-ups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import ExactDecimal, Instant
from billing.db.isolation import isolate

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLES = ("wallets", "wallet_recurrences", "wallet_grants", "wallet_movements", "wallet_top_ups")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=nullable)


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=200), nullable=False)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=500), nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _decimal(name: str) -> sa.Column[object]:
    return sa.Column(name, ExactDecimal(length=64), nullable=True)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=nullable)


def _keys(table: str, unique: tuple[str, ...], **targets: str) -> list[sa.Constraint]:
    """The tenant's key, the primary key, the natural key, and keys to rows of the same tenant."""
    return [
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
        sa.UniqueConstraint("tenant_id", *unique, name=op.f("_".join(("uq", table, "tenant_id", *unique)))),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{target}.tenant_id", f"{target}.id"],
                name=op.f(f"fk_{table}_tenant_id_{column}_{target}"),
            )
            for column, target in targets.items()
        ),
    ]


def upgrade() -> None:
    _make_wallets()
    _make_grants()
    _make_movements()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES, append_only=("wallet_movements",)):
            op.execute(statement)


def _make_wallets() -> None:
    op.create_table(
        "wallets",
        _id("tenant_id"),
        _id("id"),
        _id("customer_id"),
        _text("currency"),
        _number("floor_minor"),
        _number("overdrawn_minor"),
        _number("revision"),
        _text("zone"),
        _decimal("rate"),
        _number("low_balance_minor", nullable=True),
        sa.Column("told_low", sa.Boolean(), nullable=False),
        _number("threshold_minor", nullable=True),
        _number("top_up_minor", nullable=True),
        _number("target_minor", nullable=True),
        _number("most_a_month", nullable=True),
        _instant("opened_at"),
        *_keys("wallets", ("customer_id", "currency"), customer_id="customers"),
    )
    op.create_table(
        "wallet_top_ups",
        _id("tenant_id"),
        _id("id"),
        _id("wallet_id"),
        _number("number"),
        _number("amount_minor"),
        _text("currency"),
        _text("state"),
        _instant("requested_at"),
        _instant("settled_at", nullable=True),
        _text("code", nullable=True),
        *_keys("wallet_top_ups", ("wallet_id", "number"), wallet_id="wallets"),
    )
    op.create_index("ix_wallet_top_ups_state", "wallet_top_ups", ["tenant_id", "state"])


def _make_grants() -> None:
    op.create_table(
        "wallet_recurrences",
        _id("tenant_id"),
        _id("id"),
        _id("wallet_id"),
        _key("key"),
        _number("amount_minor"),
        _decimal("credits"),
        _decimal("rate"),
        _number("priority"),
        _instant("anchor"),
        _text("interval"),
        _number("interval_count"),
        _text("zone"),
        _number("keeps_least_minor"),
        _number("keeps_most_minor"),
        _number("first_number"),
        _number("next_number"),
        _instant("next_at", nullable=True),
        _instant("ends_at", nullable=True),
        *_keys("wallet_recurrences", ("key",), wallet_id="wallets"),
    )
    op.create_index("ix_wallet_recurrences_wallet", "wallet_recurrences", ["tenant_id", "wallet_id"])
    op.create_index("ix_wallet_recurrences_due", "wallet_recurrences", ["tenant_id", "next_at"])
    op.create_table(
        "wallet_grants",
        _id("tenant_id"),
        _id("id"),
        _id("wallet_id"),
        _key("key"),
        _text("kind"),
        _number("amount_minor"),
        _number("remaining_minor"),
        _decimal("credits"),
        _decimal("rate"),
        _number("priority"),
        _instant("starts_at"),
        _instant("expires_at", nullable=True),
        _instant("created_at"),
        _id("recurrence_id", nullable=True),
        *_keys("wallet_grants", ("key",), wallet_id="wallets", recurrence_id="wallet_recurrences"),
    )
    op.create_index("ix_wallet_grants_wallet", "wallet_grants", ["tenant_id", "wallet_id", "remaining_minor"])
    op.create_index("ix_wallet_grants_ends", "wallet_grants", ["tenant_id", "expires_at"])


def _make_movements() -> None:
    op.create_table(
        "wallet_movements",
        _id("tenant_id"),
        _id("id"),
        _id("wallet_id"),
        _id("grant_id", nullable=True),
        _key("key"),
        _text("kind"),
        _number("amount_minor"),
        _instant("at"),
        _id("invoice_id", nullable=True),
        *_keys("wallet_movements", ("key",), wallet_id="wallets", grant_id="wallet_grants"),
    )
    op.create_index("ix_wallet_movements_wallet", "wallet_movements", ["tenant_id", "wallet_id", "id"])
    op.create_index("ix_wallet_movements_invoice", "wallet_movements", ["tenant_id", "invoice_id"])


def downgrade() -> None:
    for table in ("wallet_movements", "wallet_grants", "wallet_recurrences", "wallet_top_ups", "wallets"):
        op.drop_table(table)
