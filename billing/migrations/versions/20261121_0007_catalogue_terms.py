"""Terms of plan versions, coupons and their redemptions, tax rules, the seller's profile, and customers' tax data."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, ExactDecimal, Instant
from billing.db.isolation import isolate

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("seller_profiles", "tax_rules", "coupons", "redemptions")
_CUSTOMER = ("region", "tax_id")


def _id(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=False)


def _key(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=200), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, Instant(), nullable=nullable)


def _tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants"))


def upgrade() -> None:
    op.add_column("plan_versions", sa.Column("terms", Document, nullable=False, server_default="{}"))
    op.add_column("customers", sa.Column("address", Document, nullable=False, server_default="{}"))
    for name in _CUSTOMER:
        op.add_column("customers", sa.Column(name, sa.String(length=500), nullable=True))
    op.add_column("customers", sa.Column("is_business", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "seller_profiles",
        _id("tenant_id"),
        sa.Column("document", Document, nullable=False),
        _instant("updated_at"),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_seller_profiles")),
        _tenant("seller_profiles"),
    )
    op.create_table(
        "tax_rules",
        _id("tenant_id"),
        _id("id"),
        sa.Column("country", sa.String(length=2), nullable=False),
        _key("region", nullable=True),
        _key("tax_class"),
        _key("rate_key"),
        sa.Column("percent", ExactDecimal(), nullable=False),
        _instant("valid_from"),
        _instant("valid_to", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_tax_rules")),
        _tenant("tax_rules"),
    )
    op.create_table(
        "coupons",
        _id("tenant_id"),
        _id("id"),
        _key("key"),
        sa.Column("document", Document, nullable=False),
        sa.Column("redeemed", sa.BigInteger(), nullable=False, server_default="0"),
        _instant("created_at"),
        _instant("archived_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_coupons")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_coupons_tenant_id_key")),
        _tenant("coupons"),
    )
    op.create_table(
        "redemptions",
        _id("tenant_id"),
        _id("id"),
        _id("coupon_id"),
        _id("subscription_id"),
        _id("customer_id"),
        sa.Column("document", Document, nullable=False),
        _instant("redeemed_at"),
        sa.Column("first_period", sa.BigInteger(), nullable=False),
        _instant("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_redemptions")),
        _tenant("redemptions"),
        *(
            sa.ForeignKeyConstraint(
                ["tenant_id", column],
                [f"{target}.tenant_id", f"{target}.id"],
                name=op.f(f"fk_redemptions_tenant_id_{column}_{target}"),
            )
            for column, target in (
                ("coupon_id", "coupons"),
                ("subscription_id", "subscriptions"),
                ("customer_id", "customers"),
            )
        ),
    )
    op.create_index("ix_redemptions_subscription", "redemptions", ["tenant_id", "subscription_id"])
    op.create_index("ix_redemptions_customer", "redemptions", ["tenant_id", "coupon_id", "customer_id"])
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    with op.batch_alter_table("customers") as customers:
        for name in ("address", *_CUSTOMER, "is_business"):
            customers.drop_column(name)
    with op.batch_alter_table("plan_versions") as versions:
        versions.drop_column("terms")
