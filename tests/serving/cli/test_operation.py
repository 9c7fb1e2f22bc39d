"""`uptier db`, `tenants`, `export`, `serve` and `work`: what an operator meets on the first day, and what is said when it goes wrong."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from billing.customers.customer import Customer
from billing.customers.store import CustomerStore
from billing.kernel.ids import new_id
from billing.subscriptions.subscribe import subscribe
from features.segments.store import Segment, SegmentStore
from tests.serving.cli.conftest import Cli
from tests.shop import START, publish_catalogue

if TYPE_CHECKING:
    from pathlib import Path

    from billing.db.session import Database


@pytest.fixture
def bare(bare_home: Path, sqlite_database: Database) -> Cli:
    """The command line before anything was set up."""
    return Cli(bare_home, sqlite_database, "")


def test_a_first_day_from_nothing(bare: Cli) -> None:
    """Without a database every command says what to run; after it, a tenant is opened and listed."""
    refused = bare("tenants", "list")
    assert refused.code == 1
    assert "run 'uptier db upgrade'" in refused.complaint
    assert bare.ask("db", "current")["present"] is None

    revision = bare.ask("db", "upgrade")["revision"]
    opened = bare.ask("tenants", "create", "[Bean] Street", "--currency", "GBP")

    assert bare.ask("db", "current") == {"present": revision, "needed": revision}
    assert (opened["secret_key"][:7], opened["publishable_key"][:7]) == ("upt_sk_", "upt_pk_")
    assert bare.ask("tenants", "list")["tenants"] == [{"id": opened["tenant"], "name": "[Bean] Street", "mode": "live"}]
    assert "[Bean] Street" in bare("tenants", "list").out


def test_a_test_tenant_may_be_given_its_time(cli: Cli) -> None:
    """With `--clock` a test tenant lives at a moment of choice; a live one has no clock to set, and the moment must be one."""
    assert cli.ask("tenants", "create", "Lab", "--test", "--clock", "2025-08-29T08:00:00Z")["tenant"]

    live = cli("tenants", "create", "Lab", "--clock", "2025-08-29T08:00:00Z")
    vague = cli("tenants", "create", "Lab", "--test", "--clock", "last Friday")

    assert (live.code, vague.code) == (1, 1)
    assert "add --test" in live.complaint
    assert "2026-01-31T09:00:00Z" in vague.complaint


def test_with_two_tenants_a_command_asks_which(cli: Cli) -> None:
    """And one that does not exist is said to be unknown."""
    other = cli.ask("tenants", "create", "Leaf Lane")["tenant"]

    torn, unknown = cli("models", "list"), cli("models", "list", "--tenant", "ten_nobody")

    assert (torn.code, unknown.code) == (1, 1)
    assert other in torn.complaint
    assert "'ten_nobody'" in unknown.complaint
    assert cli.ask("models", "list", "--tenant", other) == {"models": []}


@pytest.fixture
def segment(cli: Cli) -> str:
    """A segment of three, of whom only Ann agreed to be written to and has an address."""
    with cli.database.unit(cli.scope) as unit:
        people = [
            ("ann", "ann@example.com", ("marketing",)),
            ("bob", "bob@example.com", ()),
            ("cy", "", ("marketing",)),
        ]
        customers = [
            Customer(id=new_id("cus"), key=key, created_at=START, email=email, consents=consents)
            for key, email, consents in people
        ]
        for customer in customers:
            CustomerStore(unit).add(customer)
        segments = [Segment(key="s1", name="Regulars", version="v0001", as_of=START, profile={})]
        SegmentStore(unit).replace(segments, {customer.id: "s1" for customer in customers})
    return "s1"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_an_export_holds_who_may_be_contacted(cli: Cli, segment: str, tmp_path: Path, ending: str) -> None:
    """One of three is written, the two others are counted with the reason why."""
    document = cli.ask("export", "segment", segment, "--output", tmp_path / f"regulars.{ending}")

    assert (document["included"], sum(document["excluded"].values())) == (1, 2)
    written = (tmp_path / f"regulars.{ending}").read_bytes()
    assert b"ann@example.com" in written
    assert b"bob" not in written
    if ending == "jsonl":
        assert json.loads(written)["key"] == "ann"


def test_an_export_that_cannot_be_is_refused(cli: Cli, segment: str, tmp_path: Path) -> None:
    """An unknown segment, an unknown kind of file, a folder that is not there: nothing is written."""
    unknown = cli("export", "segment", "s9", "--output", tmp_path / "x.csv")
    strange = cli("export", "segment", segment, "--output", tmp_path / "x.xlsx")
    nowhere = cli("export", "segment", segment, "--output", tmp_path / "no" / "x.csv")

    assert (unknown.code, strange.code, nowhere.code) == (1, 2, 1)
    assert "'s9'" in unknown.complaint
    assert "csv, jsonl, parquet" in strange.err
    assert "x.csv" in nowhere.complaint
    assert not list(tmp_path.glob("x.*"))


def test_a_taken_port_is_said(cli: Cli) -> None:
    """Before anything is built, with another to try."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        for command in ("serve", "demo"):
            ended = cli(command, "--port", port)
            assert ended.code == 1
            assert f"port {port} is taken" in ended.complaint
            assert str(port + 1) in ended.complaint


def test_the_worker_bills_what_is_due_once(cli: Cli) -> None:
    """A subscription's first fee is drafted and issued; working again does nothing."""
    with cli.database.unit(cli.scope) as unit:
        publish_catalogue(unit)
        CustomerStore(unit).ensure(["ann"], START)
        subscribe(unit, "ann", "starter", now=START)

    first, second = (cli("work", "--once") for _ in range(2))

    assert "1 invoices drafted, 1 issued" in first.err
    assert "0 invoices drafted, 0 issued" in second.err
