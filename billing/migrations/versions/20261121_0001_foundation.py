"""The foundation: tenants and keys, customers and catalogue, usage and purchases, subscriptions, invoices, ledger, decisions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from billing.db.columns import Document, Instant
from billing.db.isolation import isolate, isolate_tenants, role_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "api_keys",
    "customers",
    "features",
    "invoice_series",
    "meters",
    "outbox",
    "plans",
    "products",
    "replays",
    "segment_exports",
    "segments",
    "decisions",
    "events",
    "grants",
    "ledger_transactions",
    "plan_versions",
    "purchases",
    "scores",
    "segment_members",
    "decision_outcomes",
    "ledger_entries",
    "subscriptions",
    "invoices",
    "pending_lines",
    "quotes",
    "subscription_addons",
    "subscription_events",
    "invoice_lines",
    "payments",
)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("parent_id", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("zone", sa.String(length=500), nullable=False),
        sa.Column("mode", sa.String(length=500), nullable=False),
        sa.Column("frozen_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["tenants.id"], name=op.f("fk_tenants_parent_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
    )
    op.create_index(op.f("ix_tenants_parent_id"), "tenants", ["parent_id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.Column("digest", sa.String(length=500), nullable=False),
        sa.Column("hint", sa.String(length=500), nullable=False),
        sa.Column("origins", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("tenant_id", "digest", name=op.f("uq_api_keys_tenant_id_digest")),
    )
    op.create_table(
        "customers",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("email", sa.String(length=500), nullable=False),
        sa.Column("country", sa.String(length=500), nullable=False),
        sa.Column("zone", sa.String(length=500), nullable=False),
        sa.Column("consents", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_customers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_customers")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_customers_tenant_id_key")),
    )
    op.create_table(
        "features",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.Column("meter_key", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_features_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_features")),
    )
    op.create_table(
        "invoice_series",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("series", sa.String(length=200), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_invoice_series_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "series", name=op.f("pk_invoice_series")),
    )
    op.create_table(
        "meters",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("event_type", sa.String(length=200), nullable=False),
        sa.Column("aggregation", sa.String(length=500), nullable=False),
        sa.Column("prop", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_meters_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_meters")),
    )
    op.create_index(op.f("ix_meters_event_type"), "meters", ["event_type"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.Column("payload", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("published_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_outbox_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_outbox_tenant_id_key")),
    )
    op.create_index("ix_outbox_waiting", "outbox", ["tenant_id", "published_at", "id"], unique=False)
    op.create_table(
        "plans",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_plans_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plans")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_plans_tenant_id_key")),
    )
    op.create_table(
        "products",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("category", sa.String(length=500), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("buyable", sa.Boolean(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("seen_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_products_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_products")),
    )
    op.create_table(
        "replays",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("fingerprint", sa.String(length=500), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("body", Document, nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_replays_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_replays")),
    )
    op.create_table(
        "segment_exports",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("segment_key", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.String(length=500), nullable=False),
        sa.Column("channel", sa.String(length=500), nullable=False),
        sa.Column("included", sa.BigInteger(), nullable=False),
        sa.Column("excluded", Document, nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_segment_exports_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_segment_exports")),
    )
    op.create_table(
        "segments",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("version", sa.String(length=500), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("profile", Document, nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_segments_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_segments")),
    )
    op.create_table(
        "decisions",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("placement", sa.String(length=200), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=True),
        sa.Column("target_kind", sa.String(length=500), nullable=True),
        sa.Column("quote_id", sa.String(length=40), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("trace", Document, nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_decisions_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_decisions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_decisions")),
    )
    op.create_index("ix_decisions_customer", "decisions", ["tenant_id", "customer_id", "decided_at"], unique=False)
    op.create_table(
        "events",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("event_id", sa.String(length=200), nullable=False),
        sa.Column("type", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("data", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_events_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_events_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "source", "event_id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_at", "events", ["tenant_id", "at"], unique=False)
    op.create_index("ix_events_customer", "events", ["tenant_id", "customer_id", "type", "at"], unique=False)
    op.create_table(
        "grants",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("feature", sa.String(length=200), nullable=False),
        sa.Column("value", Document, nullable=False),
        sa.Column("source_kind", sa.String(length=500), nullable=False),
        sa.Column("source_key", sa.String(length=200), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("anchor", Instant(), nullable=False),
        sa.Column("interval", sa.String(length=500), nullable=False),
        sa.Column("interval_count", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(length=500), nullable=False),
        sa.Column("starts_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_grants_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_grants_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_grants")),
    )
    op.create_index("ix_grants_customer", "grants", ["tenant_id", "customer_id", "feature"], unique=False)
    op.create_index("ix_grants_subscription", "grants", ["tenant_id", "subscription_id"], unique=False)
    op.create_table(
        "ledger_transactions",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_ledger_transactions_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ledger_transactions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_ledger_transactions")),
    )
    op.create_table(
        "plan_versions",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("plan_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("requires", Document, nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("interval", sa.String(length=500), nullable=False),
        sa.Column("interval_count", sa.BigInteger(), nullable=False),
        sa.Column("charges", Document, nullable=False),
        sa.Column("grants", Document, nullable=False),
        sa.Column("published_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "plan_id"],
            ["plans.tenant_id", "plans.id"],
            name=op.f("fk_plan_versions_tenant_id_plan_id_plans"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_plan_versions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_plan_versions")),
        sa.UniqueConstraint("tenant_id", "plan_id", "number", name=op.f("uq_plan_versions_tenant_id_plan_id_number")),
    )
    op.create_table(
        "purchases",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("basket", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_purchases_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_purchases_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_purchases")),
    )
    op.create_index("ix_purchases_at", "purchases", ["tenant_id", "at"], unique=False)
    op.create_index("ix_purchases_customer", "purchases", ["tenant_id", "customer_id", "at"], unique=False)
    op.create_table(
        "scores",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("version", sa.String(length=500), nullable=False),
        sa.Column("as_of", Instant(), nullable=False),
        sa.Column("value_ppm", sa.BigInteger(), nullable=False),
        sa.Column("document", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_scores_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_scores_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "task", "customer_id", name=op.f("pk_scores")),
    )
    op.create_table(
        "segment_members",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("segment_key", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_segment_members_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "segment_key"],
            ["segments.tenant_id", "segments.key"],
            name=op.f("fk_segment_members_tenant_id_segment_key_segments"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_segment_members_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "customer_id", name=op.f("pk_segment_members")),
    )
    op.create_index("ix_segment_members_segment", "segment_members", ["tenant_id", "segment_key"], unique=False)
    op.create_table(
        "decision_outcomes",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("decision_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=200), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "decision_id"],
            ["decisions.tenant_id", "decisions.id"],
            name=op.f("fk_decision_outcomes_tenant_id_decision_id_decisions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_decision_outcomes_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "decision_id", "kind", name=op.f("pk_decision_outcomes")),
    )
    op.create_table(
        "ledger_entries",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("transaction_key", sa.String(length=200), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account", sa.String(length=200), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "transaction_key"],
            ["ledger_transactions.tenant_id", "ledger_transactions.key"],
            name=op.f("fk_ledger_entries_tenant_id_transaction_key_ledger_transactions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_ledger_entries_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "transaction_key", "position", name=op.f("pk_ledger_entries")),
    )
    op.create_index("ix_ledger_entries_account", "ledger_entries", ["tenant_id", "account", "currency"], unique=False)
    op.create_index(
        "ix_ledger_entries_customer", "ledger_entries", ["tenant_id", "customer_id", "account"], unique=False
    )
    op.create_table(
        "subscriptions",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("plan_key", sa.String(length=200), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("anchor", Instant(), nullable=False),
        sa.Column("interval", sa.String(length=500), nullable=False),
        sa.Column("interval_count", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.String(length=500), nullable=False),
        sa.Column("status", sa.String(length=500), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("ends_at", Instant(), nullable=True),
        sa.Column("billed_periods", sa.BigInteger(), nullable=False),
        sa.Column("next_boundary_at", Instant(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_subscriptions_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version_id"],
            ["plan_versions.tenant_id", "plan_versions.id"],
            name=op.f("fk_subscriptions_tenant_id_version_id_plan_versions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_subscriptions_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_subscriptions")),
    )
    op.create_index("ix_subscriptions_customer", "subscriptions", ["tenant_id", "customer_id"], unique=False)
    op.create_index("ix_subscriptions_due", "subscriptions", ["tenant_id", "status", "next_boundary_at"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(length=500), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("period_start", Instant(), nullable=True),
        sa.Column("period_end", Instant(), nullable=True),
        sa.Column("closes_at", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=True),
        sa.Column("issued_at", Instant(), nullable=True),
        sa.Column("paid_at", Instant(), nullable=True),
        sa.Column("version_ids", Document, nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "customer_id"],
            ["customers.tenant_id", "customers.id"],
            name=op.f("fk_invoices_tenant_id_customer_id_customers"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscriptions.tenant_id", "subscriptions.id"],
            name=op.f("fk_invoices_tenant_id_subscription_id_subscriptions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_invoices_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_invoices")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_invoices_tenant_id_number")),
        sa.UniqueConstraint(
            "tenant_id", "subscription_id", "sequence", name=op.f("uq_invoices_tenant_id_subscription_id_sequence")
        ),
    )
    op.create_index("ix_invoices_closing", "invoices", ["tenant_id", "status", "closes_at"], unique=False)
    op.create_index("ix_invoices_customer", "invoices", ["tenant_id", "customer_id"], unique=False)
    op.create_table(
        "pending_lines",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("quote_id", sa.String(length=40), nullable=True),
        sa.Column("document", Document, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("invoice_id", sa.String(length=40), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscriptions.tenant_id", "subscriptions.id"],
            name=op.f("fk_pending_lines_tenant_id_subscription_id_subscriptions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_pending_lines_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "key", name=op.f("pk_pending_lines")),
    )
    op.create_index(
        "ix_pending_lines_open", "pending_lines", ["tenant_id", "subscription_id", "invoice_id"], unique=False
    )
    op.create_table(
        "quotes",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=200), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("lines", Document, nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("recurring_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("quoted_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("accepted_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscriptions.tenant_id", "subscriptions.id"],
            name=op.f("fk_quotes_tenant_id_subscription_id_subscriptions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_quotes_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_quotes")),
    )
    op.create_table(
        "subscription_addons",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("plan_key", sa.String(length=200), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscriptions.tenant_id", "subscriptions.id"],
            name=op.f("fk_subscription_addons_tenant_id_subscription_id_subscriptions"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version_id"],
            ["plan_versions.tenant_id", "plan_versions.id"],
            name=op.f("fk_subscription_addons_tenant_id_version_id_plan_versions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_subscription_addons_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "subscription_id", "plan_key", name=op.f("pk_subscription_addons")),
    )
    op.create_table(
        "subscription_events",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("subscription_id", sa.String(length=40), nullable=False),
        sa.Column("customer_id", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.Column("plan_key", sa.String(length=200), nullable=False),
        sa.Column("plan_rank", sa.BigInteger(), nullable=False),
        sa.Column("mrr_minor", sa.BigInteger(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "subscription_id"],
            ["subscriptions.tenant_id", "subscriptions.id"],
            name=op.f("fk_subscription_events_tenant_id_subscription_id_subscriptions"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_subscription_events_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_subscription_events")),
    )
    op.create_index("ix_subscription_events_at", "subscription_events", ["tenant_id", "at"], unique=False)
    op.create_index(
        "ix_subscription_events_customer", "subscription_events", ["tenant_id", "customer_id"], unique=False
    )
    op.create_table(
        "invoice_lines",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("invoice_id", sa.String(length=40), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=500), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("version_id", sa.String(length=40), nullable=False),
        sa.Column("quote_id", sa.String(length=40), nullable=True),
        sa.Column("document", Document, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_invoice_lines_tenant_id_invoice_id_invoices"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_invoice_lines_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "invoice_id", "position", name=op.f("pk_invoice_lines")),
        sa.UniqueConstraint("tenant_id", "key", name=op.f("uq_invoice_lines_tenant_id_key")),
    )
    op.create_table(
        "payments",
        sa.Column("tenant_id", sa.String(length=40), nullable=False),
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("invoice_id", sa.String(length=40), nullable=False),
        sa.Column("reference", sa.String(length=200), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=500), nullable=False),
        sa.Column("received_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invoice_id"],
            ["invoices.tenant_id", "invoices.id"],
            name=op.f("fk_payments_tenant_id_invoice_id_invoices"),
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_payments_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_payments")),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("uq_payments_tenant_id_reference")),
    )
    if op.get_bind().dialect.name == "postgresql":
        append_only = ("ledger_transactions", "ledger_entries", "subscription_events", "plan_versions")
        for statement in (*role_statements(), *isolate(TABLES, append_only=append_only), *isolate_tenants()):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("payments")
    op.drop_table("invoice_lines")
    op.drop_table("subscription_events")
    op.drop_table("subscription_addons")
    op.drop_table("quotes")
    op.drop_table("pending_lines")
    op.drop_table("invoices")
    op.drop_table("subscriptions")
    op.drop_table("ledger_entries")
    op.drop_table("decision_outcomes")
    op.drop_table("segment_members")
    op.drop_table("scores")
    op.drop_table("purchases")
    op.drop_table("plan_versions")
    op.drop_table("ledger_transactions")
    op.drop_table("grants")
    op.drop_table("events")
    op.drop_table("decisions")
    op.drop_table("segments")
    op.drop_table("segment_exports")
    op.drop_table("replays")
    op.drop_table("products")
    op.drop_table("plans")
    op.drop_table("outbox")
    op.drop_table("meters")
    op.drop_table("invoice_series")
    op.drop_table("features")
    op.drop_table("customers")
    op.drop_table("api_keys")
    op.drop_table("tenants")
