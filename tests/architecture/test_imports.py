"""The import contracts of `.importlinter` hold in the repository, and each of them fires where it is broken."""

from __future__ import annotations

import subprocess
import sys
from configparser import ConfigParser
from typing import TYPE_CHECKING

import pytest

from tests.architecture.source import REPOSITORY, ROOTS

if TYPE_CHECKING:
    from pathlib import Path

CONTRACTS = REPOSITORY / ".importlinter"

_SOUND = {
    "billing/kernel/money.py": "",
    "billing/db/session.py": "import sqlalchemy",
    "billing/pricing/quote.py": "from billing.kernel import money",
    "billing/invoices/tables.py": "import sqlalchemy",
    "billing/invoices/store.py": "from billing.invoices import tables",
    "billing/subscriptions/lines_store.py": "",
    "billing/customers/audience_store.py": "",
    "billing/payments/collection_store.py": "",
    "billing/subscriptions/history_store.py": "",
    "billing/ledger/audit_store.py": "",
    "billing/invoices/audit_store.py": "",
    "billing/invoices/credit_notes/audit_store.py": "",
    "billing/payments/audit_store.py": "",
    "billing/wallets/standing_store.py": "",
    "billing/subscriptions/usage_store.py": "",
    "billing/invoices/past_store.py": "",
    "billing/metering/archive_store.py": "",
    "billing/metering/listing_store.py": "",
    "billing/metering/received_store.py": "",
    "billing/metering/rollup_store.py": "",
    "billing/ratelimits/take_store.py": "",
    "features/experiments/exposures_store.py": "",
    "features/experiments/metrics_store.py": "",
    "features/experiments/outcomes_store.py": "",
    "billing/migrations/env.py": "import alembic\nfrom billing.invoices import tables",
    "features/decisions/showing_store.py": "",
    "features/contact/mailing_store.py": "",
    "features/segments/tables.py": "",
    "features/segments/store.py": "from features.segments import tables",
    "models/registry/mlflow_registry.py": "import mlflow\nfrom mlflow.tracking import MlflowClient",
    "models/churn/model.py": "from features.segments import store",
    "training/fit.py": "from models.registry import mlflow_registry",
    "serving/api/app.py": "import fastapi\nfrom models.churn import model",
    "serving/predict/score.py": "",
    "serving/web/pages.py": "",
    "serving/jobs/train.py": "from training import fit",
}
_BREACHES = {
    "roots": {"features/segments/rule.py": "from models.churn import model"},
    "billing-rank": {"billing/pricing/tax.py": "from billing.invoices import store"},
    "pure-billing": {"billing/kernel/period.py": "import sqlalchemy"},
    "pure-models": {"models/churn/label.py": "import mlflow"},
    "no-web-below-serving": {"training/report.py": "from fastapi import FastAPI"},
    "rows-behind-stores": {"billing/invoices/issue.py": "from billing.invoices.tables import InvoiceRow"},
    "online-without-training": {"serving/predict/fresh.py": "from training import fit"},
    "acyclic": {
        "features/segments/rule.py": "import features.segments.evaluate",
        "features/segments/evaluate.py": "import features.segments.rule",
    },
}
_COMMAND = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def _lint(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _COMMAND, "--config", str(CONTRACTS), "--no-cache", "--no-logo", *options],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )


def _plant(tree: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        file = tree / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        for folder in file.relative_to(tree).parents[:-1]:
            (tree / folder / "__init__.py").touch()


def test_a_sound_tree_keeps_every_contract(tmp_path: Path) -> None:
    """The contracts do not forbid what the design asks for; contexts that do not exist yet are no error."""
    _plant(tmp_path, _SOUND)

    run = _lint(tmp_path)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("contract", sorted(_BREACHES))
def test_each_contract_fires_on_its_breach(contract: str, tmp_path: Path) -> None:
    """The breach is reported under the contract's own name."""
    _plant(tmp_path, {**_SOUND, **_BREACHES[contract]})

    run = _lint(tmp_path, "--contract", contract)

    assert run.returncode == 1, run.stdout
    assert "BROKEN" in run.stdout


def test_every_contract_has_a_breach_that_is_tried() -> None:
    """A contract that nobody saw firing may be asleep."""
    config = ConfigParser()
    config.read(CONTRACTS)
    named = {section.rpartition(":")[2] for section in config.sections() if ":contract:" in section}

    assert named == set(_BREACHES)


def test_a_context_without_a_rank_is_reported(tmp_path: Path) -> None:
    """A new folder in billing takes its place in the rank, or the contract breaks."""
    _plant(tmp_path, {**_SOUND, "billing/loyalty/points.py": ""})

    run = _lint(tmp_path, "--contract", "billing-rank")

    assert run.returncode == 1
    assert "loyalty" in run.stdout


def test_the_repository_keeps_every_contract() -> None:
    """All five roots, as they are."""
    assert all((REPOSITORY / root / "__init__.py").exists() for root in ROOTS)

    run = _lint(REPOSITORY)

    assert run.returncode == 0, run.stdout
