"""`uptier db check`: whole books end well; what is not whole is told, and ends with 1."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import update

from billing.customers.store import CustomerStore
from billing.invoices.cycle import run_billing
from billing.invoices.tables import SeriesRow
from billing.subscriptions.subscribe import subscribe
from tests.shop import START, publish_catalogue

if TYPE_CHECKING:
    from tests.serving.cli.conftest import Cli


def _lived(cli: Cli) -> None:
    with cli.database.unit(cli.scope) as unit:
        CustomerStore(unit).ensure(["ann"], START)
        publish_catalogue(unit)
        subscribe(unit, "ann", "starter", now=START)
    assert run_billing(cli.database, cli.scope, now=START).issued == 1


def test_whole_books_end_well(cli: Cli) -> None:
    """Every tenant is checked, with progress on the other stream."""
    _lived(cli)
    assert cli.ask("tenants", "create", "Leaf Lane")
    assert cli.ask("db", "check") == {"tenants": 2, "findings": []}
    ended = cli("db", "check")
    assert (ended.code, ended.out) == (0, "2 tenants checked, nothing found\n")
    assert "checking" in ended.err


def test_what_is_not_whole_is_told_and_ends_with_1(cli: Cli) -> None:
    """A number that nobody has, with its tenant, its sentence and its code."""
    _lived(cli)
    with cli.database.unit(cli.scope) as unit:
        unit.session.execute(update(SeriesRow).values(last_number=2).execution_options(synchronize_session=False))
    ended, told = cli("db", "check"), cli("db", "check", "--json")
    assert (ended.code, told.code) == (1, 1)
    assert f"{cli.tenant}: number 2 is missing from series INV [number_missing]" in ended.out
    assert json.loads(told.out)["findings"] == [
        {
            "tenant": cli.tenant,
            "code": "number_missing",
            "detail": "number 2 is missing from series INV",
            "ids": ["INV"],
            "amounts": {},
        }
    ]
