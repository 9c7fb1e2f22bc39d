"""Payment attempts, refunds, disputes and dunning."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    "payment_methods",
    "payment_attempts",
    "dunnings",
    "refunds",
    "disputes",
    "provider_events",
    "sandbox_moves",
)
_ADDED = ("provider", "charge", "attempt_id", "surplus_minor", "refunded_minor")
_ATTEMPT_OPEN = sa.text("state IN ('prepared', 'pending', 'review')")
_REFUND_OPEN = sa.text("state IN ('prepared', 'pending')")


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=40), nullable=nullable)


def _key(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=200), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=500), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant(), nullable=nullable)


def _keys(table: str, primary: tuple[str, ...], **targets: str) -> list[sa.Constraint]:
    """The tenant's key, the primary key, and keys to rows of the same tenant."""
    return [
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f(f"fk_{table}_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", *primary, name=op.f(f"pk_{table}")),
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
    op.add_column("payments", _text("provider", nullable=True))
    op.add_column("payments", _key("charge", nullable=True))
    op.add_column("payments", _id("attempt_id", nullable=True))
    for name in ("surplus_minor", "refunded_minor"):
        op.add_column("payments", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0"))
    _make_collection()
    _make_returns()
    _make_messages()
    if op.get_bind().dialect.name == "postgresql":
        for statement in isolate(TABLES):
            op.execute(statement)


def _make_collection() -> None:
    op.create_table(
        "payment_methods",
        _id("tenant_id"),
        _id("id"),
        _id("customer_id"),
        _text("provider"),
        _key("token"),
        _key("account"),
        _text("label"),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        _instant("added_at"),
        _instant("removed_at", nullable=True),
        *_keys("payment_methods", ("id",), customer_id="customers"),
    )
    op.create_index("ix_payment_methods_customer", "payment_methods", ["tenant_id", "customer_id"])
    op.create_table(
        "payment_attempts",
        _id("tenant_id"),
        _id("id"),
        _id("invoice_id"),
        _id("customer_id"),
        _id("method_id"),
        _text("provider"),
        _number("number"),
        _number("amount_minor"),
        _text("currency"),
        _text("state"),
        _instant("prepared_at"),
        _key("reference", nullable=True),
        _text("code", nullable=True),
        sa.Column("retryable", sa.Boolean(), nullable=True),
        _instant("settled_at", nullable=True),
        *_keys("payment_attempts", ("id",), invoice_id="invoices", method_id="payment_methods"),
        sa.UniqueConstraint(
            "tenant_id", "invoice_id", "number", name=op.f("uq_payment_attempts_tenant_id_invoice_id_number")
        ),
    )
    op.create_index(
        "uq_payment_attempts_open",
        "payment_attempts",
        ["tenant_id", "invoice_id"],
        unique=True,
        sqlite_where=_ATTEMPT_OPEN,
        postgresql_where=_ATTEMPT_OPEN,
    )
    op.create_index("ix_payment_attempts_state", "payment_attempts", ["tenant_id", "state", "prepared_at"])
    op.create_table(
        "dunnings",
        _id("tenant_id"),
        _id("invoice_id"),
        _id("customer_id"),
        _text("state"),
        _number("failures"),
        _instant("next_attempt_at", nullable=True),
        _instant("past_due_at", nullable=True),
        _instant("gives_up_at", nullable=True),
        _id("blocked_method", nullable=True),
        _text("last_code", nullable=True),
        *_keys("dunnings", ("invoice_id",), invoice_id="invoices", customer_id="customers"),
    )
    op.create_index("ix_dunnings_customer", "dunnings", ["tenant_id", "customer_id", "state"])
    op.create_index("ix_dunnings_gives_up", "dunnings", ["tenant_id", "state", "gives_up_at"])


def _make_returns() -> None:
    op.create_table(
        "refunds",
        _id("tenant_id"),
        _id("id"),
        _id("payment_id"),
        _number("amount_minor"),
        _number("target_minor"),
        _text("currency"),
        _text("state"),
        _text("reason"),
        _instant("prepared_at"),
        _key("reference", nullable=True),
        _text("code", nullable=True),
        _instant("settled_at", nullable=True),
        *_keys("refunds", ("id",), payment_id="payments"),
    )
    op.create_index(
        "uq_refunds_open",
        "refunds",
        ["tenant_id", "payment_id"],
        unique=True,
        sqlite_where=_REFUND_OPEN,
        postgresql_where=_REFUND_OPEN,
    )
    op.create_index("ix_refunds_state", "refunds", ["tenant_id", "state", "prepared_at"])
    op.create_table(
        "disputes",
        _id("tenant_id"),
        _key("id"),
        _id("payment_id"),
        _number("amount_minor"),
        _number("fee_minor"),
        _text("currency"),
        _text("state"),
        _instant("opened_at"),
        _instant("closed_at", nullable=True),
        *_keys("disputes", ("id",), payment_id="payments"),
    )
    op.create_index("ix_disputes_payment", "disputes", ["tenant_id", "payment_id"])


def _make_messages() -> None:
    op.create_table(
        "provider_events",
        _id("tenant_id"),
        _text("provider"),
        _key("id"),
        _text("name"),
        _text("outcome"),
        sa.Column("document", Document, nullable=False),
        _instant("received_at"),
        *_keys("provider_events", ("provider", "id")),
    )
    op.create_table(
        "sandbox_moves",
        _id("tenant_id"),
        _id("id"),
        _key("key"),
        _id("of", nullable=True),
        _key("token"),
        _key("invoice"),
        _number("amount_minor"),
        _text("currency"),
        _text("state"),
        _text("code", nullable=True),
        _instant("made_at"),
        *_keys("sandbox_moves", ("id",)),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_sandbox_moves_tenant_id_key")),
    )
    op.create_index("ix_sandbox_moves_of", "sandbox_moves", ["tenant_id", "of"])
    op.create_index("ix_sandbox_moves_invoice", "sandbox_moves", ["tenant_id", "invoice"])


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
    with op.batch_alter_table("payments") as payments:
        for column in _ADDED:
            payments.drop_column(column)
