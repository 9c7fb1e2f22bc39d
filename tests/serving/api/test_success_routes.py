"""Success over HTTP: what offers brought beside the holdout, masked until it is fair, and files that need nothing else."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from billing.customers.store import CustomerStore
from billing.kernel.clock import format_instant
from billing.kernel.money import Money
from billing.ledger.store import LedgerStore
from billing.ledger.templates.invoices import invoice_issued
from features.experiments.exposures_store import Exposed, ExposureStore
from tests.shop import START

if TYPE_CHECKING:
    from datetime import datetime

    from tests.serving.api.conftest import Server

CAME = START - timedelta(days=100)
MET = CAME + timedelta(days=40)
OFFERED, HELD_OUT = 160, 40
EXPERIMENTS = ("programme", "offer:limit_near")
SPAN = {"from": format_instant(CAME), "to": format_instant(START)}


def _paid(number: int, *, later: bool) -> int:
    """Fees of 10 to 14 euro; after the offer every fourth of the offered pays 10 more, so that each brings 2.50 more."""
    base = 1000 + 100 * (number % 5)
    return base + 1000 * (later and number < OFFERED and number % 4 == 0)


@pytest.fixture
def sold(server: Server) -> None:
    """160 customers who met an offer and 40 who would have; each paid once before and once after."""
    keys = [f"k{number}" for number in range(OFFERED + HELD_OUT)]
    with server.services.database.unit(server.shop.scope) as unit:
        CustomerStore(unit).ensure(keys, CAME)
        ids = CustomerStore(unit).ids_by_key(keys)
        books, exposed = [], []
        for number, key in enumerate(keys):
            for later in (False, True):
                at = MET + timedelta(days=20 if later else -20)
                books.append(_invoice(f"inv_{number}_{later}", at, ids[key], _paid(number, later=later)))
            exposed += [_exposed(each, key, ids[key], held_out=number >= OFFERED) for each in EXPERIMENTS]
        LedgerStore(unit).append_many(books)
        ExposureStore(unit).add(exposed)


def _invoice(name: str, at: datetime, customer: str, minor: int) -> Any:
    net, tax = Money(minor, "EUR"), Money(minor // 5, "EUR")
    return invoice_issued(name, at=at, customer=customer, earned=Money(0, "EUR"), deferred=net, tax=tax)


def _exposed(experiment: str, key: str, customer_id: str, *, held_out: bool) -> Exposed:
    return Exposed(
        experiment=experiment,
        unit=key,
        customer_id=customer_id,
        arm="held_out" if held_out else "offered",
        at=MET,
        counterfactual=held_out,
        propensity=0.2 if held_out else 0.8,
        plan="starter",
        segment="regulars",
    )


@pytest.mark.usefixtures("sold")
def test_the_programme_says_what_offers_brought_beyond_the_holdout(server: Server) -> None:
    """160 customers, 2.50 each: 400 euro net of tax, and the same line for the one offer that they met."""
    answer = server.call("GET", "/v1/reports/programme", params=SPAN).json()

    whole, one = answer["items"]
    assert (whole["offer"], one["offer"]) == ("programme", "limit_near")
    assert (whole["offered"], whole["held_out"], whole["state"]) == (OFFERED, HELD_OUT, "shown")
    assert whole["incremental_revenue"] == {"amount": "400.00", "currency": "EUR"}
    assert float(whole["incremental_revenue_low"]["amount"]) < 400 < float(whole["incremental_revenue_high"]["amount"])
    assert whole["incremental_margin"] == {"amount": "280.00", "currency": "EUR"}
    assert whole["revenue_per_customer"] == {"amount": "14.50", "currency": "EUR"}
    assert whole["revenue_per_customer_without"] == {"amount": "12.00", "currency": "EUR"}
    assert whole["refunds"] == 0
    assert one["incremental_revenue"] == whole["incremental_revenue"]


@pytest.mark.usefixtures("sold")
def test_what_is_too_early_is_not_told_in_any_format(server: Server) -> None:
    """Five days after the first exposure there is a sentence and no amount, in each of the reports."""
    early = SPAN | {"to": format_instant(MET + timedelta(days=5))}

    for file_format in ("json", "csv", "html"):
        text = server.call("GET", "/v1/reports/programme", params={**early, "format": file_format}).text
        assert "Shown after 7 full days; 5 have passed" in text
        assert "400" not in text
    answer = server.call("GET", "/v1/reports/success", params=early).json()
    assert answer["masked"].startswith("Shown after 7 full days")
    assert all(row["offered"] is None and row["difference"] is None for row in answer["items"])


@pytest.mark.usefixtures("sold")
def test_the_file_loads_nothing_and_runs_nothing(server: Server) -> None:
    """One page with its chart inside, and the same figures as the table has."""
    page = server.call("GET", "/v1/reports/programme", params={**SPAN, "format": "html"})

    assert page.headers["content-type"].startswith("text/html")
    assert "€400.00" in page.text
    assert "<svg" in page.text
    assert not any(word in page.text for word in ("<script", "src=", "href=", "@import", "url("))
    rows = list(
        csv.DictReader(io.StringIO(server.call("GET", "/v1/reports/programme", params={**SPAN, "format": "csv"}).text))
    )
    assert [row["incremental_revenue"] for row in rows] == ["400.00", "400.00"]


@pytest.mark.usefixtures("sold")
@pytest.mark.parametrize(("by", "group"), [("segment", "regulars"), ("plan", "starter"), ("cohort", f"{CAME:%Y-%m}")])
def test_success_stands_beside_the_holdout_by_group(server: Server, by: str, group: str) -> None:
    """Revenue per customer of each arm with its difference; nobody got money back."""
    rows = server.call("GET", "/v1/reports/success", params={**SPAN, "by": by}).json()["items"]

    found = {row["measure"]: row for row in rows}
    assert {row["group"] for row in rows} == {group}
    assert found["revenue"]["offered"]["amount"] == "14.50"
    assert found["revenue"]["held_out"]["amount"] == "12.00"
    assert found["revenue"]["difference"]["amount"] == "2.50"
    assert (found["refunds"]["offered"], found["refunds"]["difference"], found["refunds"]["guardrail"]) == (
        0,
        0,
        "watching",
    )
    assert found["click_rate"]["held_out"] is None


@pytest.mark.usefixtures("sold")
def test_another_tenant_sees_its_own_nothing(server: Server) -> None:
    """No customer, no amount, and bad spans get an answer that says why."""
    key = server.other.opened.secret_key
    answer = server.call("GET", "/v1/reports/programme", key=key, params=SPAN).json()

    assert [(row["offer"], row["offered"], row["state"]) for row in answer["items"]] == [("programme", 0, "too_early")]
    backwards = server.call("GET", "/v1/reports/success", params={"from": SPAN["to"], "to": SPAN["from"]})
    assert backwards.status_code == 422
    assert server.call("GET", "/v1/reports/success", params={**SPAN, "currency": "XXXX"}).status_code == 422
