"""Each house rule catches what it is for and passes what it should; that the repository keeps them is what `make rules` looks at."""

from __future__ import annotations

import pytest

from tests.architecture import catalog
from tests.architecture.source import parse

STORE, USE_CASE = "billing/invoices/store.py", "billing/invoices/issue.py"

BREACHES = [
    ("money-float", USE_CASE, "rate = 0.19"),
    ("money-float", USE_CASE, "rate = 1e3"),
    ("money-float", USE_CASE, "rate = float(text)"),
    ("money-float", USE_CASE, "def price() -> float: ..."),
    ("money-float", USE_CASE, "def price(rate: 'list[float]'): ..."),
    ("money-float", "billing/invoices/tables.py", "column = mapped_column(sa.Float)"),
    ("money-float", USE_CASE, "rate = 0.19  # (money-lint: allow)"),
    ("query-outside-store", USE_CASE, "from sqlalchemy import select\nquery = select(Row)"),
    ("query-outside-store", USE_CASE, "from sqlalchemy import text as sql\nquery = sql('SELECT 1')"),
    ("query-outside-store", USE_CASE, "from sqlalchemy.dialects.sqlite import insert\nquery = insert(Row)"),
    ("query-outside-store", USE_CASE, "import sqlalchemy as sa\nquery = sa.update(Row)"),
    ("query-outside-store", "serving/api/routes/usage.py", "session.execute(query)"),
    ("query-outside-store", "training/history.py", "unit.session.scalars(query)"),
    ("query-outside-store", USE_CASE, "self._session.get(Row, key)"),
    ("query-outside-store", "billing/invoices/restore.py", "session.execute(query)"),
    ("tenant-filter", STORE, "query.where(Row.tenant_id == tenant)"),
    ("tenant-filter", STORE, "query.where(tenant != Row.tenant_id)"),
    ("tenant-filter", STORE, "query.filter_by(tenant_id=tenant)"),
    ("tenant-filter", STORE, "query.where(Row.tenant_id.in_(tenants))"),
    ("foreign-rows", "billing/invoices/store.py", "from billing.customers.tables import CustomerRow"),
    ("foreign-rows", "billing/invoices/store.py", "from billing.customers import tables"),
    ("foreign-rows", "billing/invoices/issue.py", "from billing.invoices.tables import InvoiceRow"),
    ("foreign-rows", "features/decisions/store.py", "import billing.customers.tables"),
    ("import-in-function", USE_CASE, "def issue():\n    from billing.payments import collect"),
    (
        "import-in-function",
        USE_CASE,
        "class Issue:\n    async def run(self):\n        if self.ready:\n            import json",
    ),
    ("import-in-function", USE_CASE, "def issue():\n    import json  # noqa: PLC0415"),
    ("file-size", USE_CASE, "x = 1\n" * 401),
    ("leftover-name", "features/utils.py", ""),
    ("leftover-name", "features/helpers/__init__.py", ""),
    ("opening-sentence", USE_CASE, "x = 1"),
    ("opening-sentence", USE_CASE, '"""Issue."""'),
    ("machine-clock", USE_CASE, "now = datetime.now(UTC)"),
    ("machine-clock", USE_CASE, "import datetime as dt\nnow = dt.datetime.utcnow()"),
    ("machine-clock", "training/gate.py", "now = time.time()"),
    ("machine-clock", "training/gate.py", "from time import time"),
    ("machine-clock", "models/card.py", "field(default_factory=date.today)"),
    ("exception-reason", USE_CASE, "x = 1  # noqa: S101"),
    ("exception-reason", USE_CASE, "x = 1  # noqa"),
    ("exception-reason", USE_CASE, "x = 1  # type: ignore[arg-type]"),
    ("exception-reason", "tests/billing/test_thread.py", "x = 1  # type: ignore"),
]

PASSES = [
    ("money-float", USE_CASE, "rate = Decimal('0.19')"),
    ("money-float", "models/churn/model.py", "rate = 0.19"),
    ("money-float", USE_CASE, "WAIT = 0.05  # seconds of a time-out, no money (money-lint: allow)"),
    ("money-float", USE_CASE, '"""A float never touches money, not even 0.1 of it."""'),
    ("query-outside-store", STORE, "from sqlalchemy import select\nsession.execute(select(Row))"),
    ("query-outside-store", "billing/subscriptions/lines_store.py", "session.scalars(query)"),
    ("query-outside-store", "billing/db/scope.py", "connection.execute(text('SELECT 1'))"),
    ("query-outside-store", "features/duckdb_engine.py", "cursor.execute('SET threads = 1')"),
    ("query-outside-store", USE_CASE, "digest.update(b'')\ncounts.update(a=1)\nlimits.get(key)\npa.scalar(None)"),
    ("tenant-filter", "billing/db/scope.py", "row.tenant_id != scope.tenant_id"),
    ("tenant-filter", STORE, "row = Row(tenant_id=scope.tenant_id)"),
    ("foreign-rows", "billing/invoices/store.py", "from billing.invoices.tables import InvoiceRow"),
    ("foreign-rows", "billing/subscriptions/lines_store.py", "from billing.subscriptions.tables import QuoteRow"),
    ("foreign-rows", "billing/migrations/env.py", "from billing.invoices import tables"),
    ("foreign-rows", "billing/invoices/tables.py", "from billing.customers.tables import CustomerRow"),
    ("foreign-rows", "features/bulk.py", "from features.source_tables import source_schema"),
    ("import-in-function", "serving/cli/train.py", "def train():\n    import mlflow"),
    ("import-in-function", USE_CASE, "if TYPE_CHECKING:\n    import json"),
    (
        "import-in-function",
        USE_CASE,
        "def issue():\n    import json  # noqa: PLC0415 (a second to import, rarely asked for)",
    ),
    ("file-size", USE_CASE, "x = 1\n" * 400),
    ("file-size", "billing/migrations/versions/20260101_0001_first.py", "x = 1\n" * 900),
    ("leftover-name", "features/view.py", ""),
    ("opening-sentence", USE_CASE, '"""Freezes a draft invoice and posts it."""'),
    ("machine-clock", "billing/kernel/clock.py", "datetime.now(UTC)"),
    ("machine-clock", "serving/jobs/worker.py", "datetime.now(UTC)"),
    ("machine-clock", USE_CASE, "now = clock.now()\nstarted = time.monotonic()"),
    ("exception-reason", USE_CASE, "x = 1  # noqa: S101 (only a bug can break it)"),
    ("exception-reason", USE_CASE, "x = 1  # type: ignore[misc] (the library has no stubs)"),
    ("exception-reason", USE_CASE, "x = '# noqa'"),
    ("exception-reason", "tests/billing/test_thread.py", "f(1)  # type: ignore[arg-type]"),
]

RULES = {rule.code: rule for rule in (*catalog.OF_THE_PRODUCT, *catalog.OF_EVERY_FILE)}


@pytest.mark.parametrize(("code", "path", "text"), BREACHES)
def test_a_breach_is_caught(code: str, path: str, text: str) -> None:
    """The rule reports the sample, under its own code and path."""
    found = RULES[code].findings(parse(path, text))

    assert [(each.code, each.path) for each in found][:1] == [(code, path)]


@pytest.mark.parametrize(("code", "path", "text"), PASSES)
def test_good_code_passes(code: str, path: str, text: str) -> None:
    """The rule has nothing to say about the sample."""
    assert RULES[code].findings(parse(path, text)) == []


def test_every_rule_has_samples_of_both_kinds() -> None:
    """A rule without a sample that it catches may be asleep."""
    assert {code for code, _, _ in BREACHES} == set(RULES)
    assert {code for code, _, _ in PASSES} == set(RULES)


def test_a_finding_can_be_clicked() -> None:
    """Path, line and rule stand where editors and terminals look for them."""
    (found,) = RULES["money-float"].findings(parse(USE_CASE, "\n\nrate = 0.5"))

    assert str(found).startswith("billing/invoices/issue.py:3: money-float ")
