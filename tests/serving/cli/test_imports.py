"""`uptier import` from a person's side: what was kept and skipped adds up, twice is once, and what is wrong is said in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from billing.customers.store import CustomerStore
from tests.data_files import data_file
from tests.shop import START, delivery, publish_catalogue
from training.simulate.files import write
from training.simulate.shop import simulate
from training.simulate.spec import ShopSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.cli.conftest import Cli

_HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
_ROWS = (
    "536365,85123A,WHITE HOLDER,6,12/1/2010 8:26,2.55,17850,United Kingdom",
    "536365,71053,LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom",
    "536366,71053,LANTERN,2,12/1/2010 9:00,3.39,,United Kingdom",
    "C536379,71053,LANTERN,-1,12/1/2010 9:41,3.39,17850,United Kingdom",
    "536370,POST,POSTAGE,3,12/1/2010 8:45,18.00,12583,France",
    "536371,22728,ALARM CLOCK,-4,12/1/2010 8:46,3.75,12583,France",
    "536372,22728,ALARM CLOCK,4,12/1/2010 8:47,0.00,12583,France",
    "536373,22728,ALARM CLOCK,many,12/13/2010 8:47,3.75,12583,France",
)


def _adds_up(report: dict[str, Any]) -> bool:
    return bool(report["total"] == report["kept"] + sum(report["skipped"].values()))


def test_every_line_is_kept_or_skipped_for_a_reason(cli: Cli, tmp_path: Path) -> None:
    """Eight lines, of which two are purchases; each of the six others is counted under what is wrong with it."""
    file = tmp_path / "retail.csv"
    file.write_text("\n".join([_HEADER, *_ROWS]) + "\n")

    report = cli.ask("import", "purchases", file)

    assert _adds_up(report)
    assert (report["layout"], report["total"], report["kept"], report["stored"]) == ("UCI Online Retail", 8, 2, 2)
    assert sum(report["skipped"].values()) == len(report["skipped"]) == 6
    assert report["netted"] == 1


def test_the_same_file_twice_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    """On real purchases where this machine has them, else on simulated ones."""
    file = _purchases(tmp_path)

    first, second = (cli.ask("import", "purchases", file) for _ in range(2))

    assert _adds_up(first)
    assert first["kept"] == first["stored"] > 0
    assert (second["stored"], second["known"]) == (0, first["kept"])
    same = ("total", "kept", "skipped", "netted")
    assert [second[name] for name in same] == [first[name] for name in same]


def _purchases(folder: Path) -> Path:
    real = data_file("online_retail/online_retail.parquet")
    if real is None:
        write(simulate(ShopSpec(customers=60, days=120, seed=3)), folder)
        return folder / "purchases.csv"
    pq.write_table(pq.read_table(real).slice(0, 20_000), folder / "retail.parquet")
    return folder / "retail.parquet"


def test_the_report_for_people_says_the_same(cli: Cli, tmp_path: Path) -> None:
    """Without `--json`, lines to read: totals, reasons, and an example with its line number."""
    file = tmp_path / "retail.csv"
    file.write_text("\n".join([_HEADER, *_ROWS]) + "\n")

    said = cli("import", "purchases", file).out

    assert "retail.csv (UCI Online Retail): 8 lines" in said
    assert "2 kept (2 new, 0 known before)" in said
    assert "1 no customer" in said
    assert "line 9: quantity is not a whole number: many" in said


def test_text_in_a_file_is_shown_as_it_is(cli: Cli, tmp_path: Path) -> None:
    """Square brackets in names, codes and columns are text, not colours for the terminal."""
    file = tmp_path / "[bold]orders.csv"
    file.write_text("customer,item,basket,at,quantity,unit_price\nann,[/red],o1,2026-01-02T10:00:00Z,0,1.00\n")
    said = cli("import", "purchases", file)
    assert said.code == 0
    assert "[bold]orders.csv" in said.out
    assert "item [/red]" in said.out

    file.write_text("[/red],b\n1,2\n")
    assert "it has [/red], b" in cli("import", "purchases", file).complaint


def test_wrong_columns_are_named_with_a_way_out(cli: Cli, tmp_path: Path) -> None:
    """One line: what is missing, what the file has, and what to write instead."""
    file = tmp_path / "orders.csv"
    file.write_text("who,sku,when,amount\nann,espresso,2026-01-02,18.90\n")

    ended = cli("import", "purchases", file)

    assert (ended.code, ended.out) == (1, "")
    assert "no column for customer, basket, at, quantity, unit_price" in ended.complaint
    assert "it has who, sku, when, amount" in ended.complaint
    assert "--map customer=CustomerID" in ended.complaint
    assert "Traceback" not in ended.err


def test_the_way_out_works(cli: Cli, tmp_path: Path) -> None:
    """The same file with its columns mapped is read; a column that is not there is named."""
    file = tmp_path / "orders.csv"
    file.write_text("who,sku,bon,when,n,each\nann,espresso,b1,2026-01-02T10:00:00Z,2,18.90\n")
    words = {"customer": "who", "basket": "bon", "at": "when", "quantity": "n", "unit_price": "each"}
    mapped = [text for name, column in words.items() for text in ("--map", f"{name}={column}")]

    assert cli.ask("import", "purchases", file, *mapped)["kept"] == 1
    assert "'whom'" in cli("import", "purchases", file, "--map", "customer=whom").complaint


def test_a_missing_file_is_said(cli: Cli, tmp_path: Path) -> None:
    """Both imports name the file that is not there, in one line, and end with 1."""
    for what in ("purchases", "usage"):
        ended = cli("import", what, tmp_path / "nowhere.csv")
        assert ended.code == 1
        assert "nowhere.csv" in ended.complaint


def test_a_bad_line_of_usage_leaves_the_rest(cli: Cli, tmp_path: Path) -> None:
    """Of five lines two are good; the others are named by number and reason, and a second import knows the good ones."""
    with cli.database.unit(cli.scope) as unit:
        publish_catalogue(unit)
        CustomerStore(unit).ensure(["ann"], START)
    lines = [
        json.dumps(delivery("ann", "e1", START)),
        "{not json",
        json.dumps(delivery("stranger", "e2", START)),
        json.dumps({"id": "e3", "customer": "ann"}),
        json.dumps(delivery("ann", "e4", START)),
    ]
    file = tmp_path / "usage.jsonl"
    file.write_text("\n".join(lines))

    first, second = (cli.ask("import", "usage", file) for _ in range(2))
    said = cli("import", "usage", file)

    assert (first["accepted"], first["duplicates"], len(first["rejected"])) == (2, 0, 3)
    assert [(item["line"], item["id"]) for item in first["rejected"]] == [(2, None), (3, "e2"), (4, "e3")]
    assert first["rejected"][1]["code"] == "customer_not_found"
    assert (second["accepted"], second["duplicates"]) == (0, 2)
    assert said.code == 0
    assert "line 3: there is no customer 'stranger'" in said.out
